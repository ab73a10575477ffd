"""The full-screen terminal: a model of rooms, widgets that draw it, and the tasks that keep both going.

This folder owns what a person sees and does on a whole screen. It must not know how the client reaches the server, nor
whether a terminal is capable: `trio_chat.client.program` chooses. From the inside out:

    timeline   one room's window onto its log
    comings    who came and went, in one line
    room       one room: what is unread in it, and about to be said
    places     all rooms, and which is looked at
    model      what happens in them, who is there, what bots are writing, how the connection is; pure, like `timeline`
    layout     text cut into rows by what a person sees as one character
    words      entries and events as coloured text
    scroll     which rows of a timeline are seen
    widgets    the parts of the screen, drawn with urwid
    painter    what is drawn, as the few bytes that change the terminal
    keys, composer   what is typed
    deeds      what the server is asked for, and what becomes of its answers
    reading    pages of a log, for whoever reads back
    interrupting   Ctrl-C
    errands    what was typed and waits for the server
    helping, browsing   completion; going about from room to room and in a log
    program    the tasks
    terminal, guard  the terminal taken and given back, whatever happens
"""
