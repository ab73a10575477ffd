/**
 * Calling somebody who looks elsewhere: the title, the icon of the tab, and the system's notifications.
 *
 * This file owns when they appear. It asks for permission only where somebody clicks for it.
 */

const NAME = "trio_chat";

/** Characters of a message that a notification shows. */
const SHOWN = 140;

export class Notifier {
  /** @param open `(room)` shows a room when its notification is clicked. */
  constructor(open) {
    this.open = open;
    this.icon = document.getElementById("favicon");
  }

  /** Whether it makes sense to offer notifications: they exist, and nobody has decided yet. */
  get canAsk() {
    return "Notification" in window && Notification.permission === "default";
  }

  async ask() {
    if (this.canAsk) await Notification.requestPermission();
  }

  /** Show how much is unread; a number only for what is said to one oneself, a dot for anything. */
  badge({ count, mentions }, room) {
    const number = mentions > 0 ? `(${mentions}) ` : count > 0 ? "• " : "";
    const title = `${number}${room ? `${room} – ` : ""}${NAME}`;
    if (document.title !== title) document.title = title;
    const name = count > 0 ? "page/icon-unread.svg" : "page/icon.svg";
    if (this.icon.getAttribute("href") !== name) this.icon.setAttribute("href", name);
  }

  /** Tell of a message that speaks to us, if nobody is looking. */
  tell(room, message) {
    if (
      !(document.hidden || !document.hasFocus()) ||
      !("Notification" in window) ||
      Notification.permission !== "granted"
    )
      return;
    const where = room.isPrivate ? message.nick : `${message.nick} in ${room.title}`;
    try {
      const shown = new Notification(where, {
        body: message.text.slice(0, SHOWN),
        tag: `${room.name} ${message.seq}`,
        icon: "page/icon.svg",
      });
      shown.onclick = () => {
        window.focus();
        this.open(room.name);
        shown.close();
      };
    } catch {
      // Some phones only let service workers notify: the title and the icon have to do.
    }
  }
}
