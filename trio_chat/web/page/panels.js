/**
 * Which panels are open: the rooms, the members, the search. On a narrow screen one lies over the messages; on a wide one
 * they stand beside them.
 *
 * This file owns what is open, and where the focus goes. It must not know what panels hold.
 */

const NARROW = matchMedia("(max-width: 760px)");
const MEDIUM = matchMedia("(max-width: 1080px)");

export class Panels {
  #membersToo = false; // whether the members come back when the search goes
  /** @param actions `search()` after it was opened, `closed()` where the focus was in a panel that is closed, `changed()`. */
  constructor(actions) {
    this.actions = actions;
    this.shade = document.getElementById("shade");
    this.elements = {};
    for (const name of ["sidebar", "members", "search"]) this.elements[name] = document.getElementById(name);
    this.shade.addEventListener("click", () => this.closeAll());
    NARROW.addEventListener("change", () => this.#fit());
    MEDIUM.addEventListener("change", () => this.#fit());
    this.#fit();
  }

  isOpen(name) {
    return !this.elements[name].hidden;
  }

  toggle(name) {
    if (this.isOpen(name)) this.close(name);
    else this.open(name);
  }

  open(name) {
    if (name === "search" && !this.isOpen(name)) this.#membersToo = this.isOpen("members");
    // Right of the messages there is one panel at a time, and on a narrow screen there is one at all.
    for (const other of Object.keys(this.elements)) {
      if (other !== name && (NARROW.matches || (other !== "sidebar" && name !== "sidebar"))) this.#hide(other);
    }
    this.elements[name].hidden = false;
    this.#changed();
    if (name === "search") this.actions.search();
    else if (this.#lies(name)) this.elements[name].querySelector("button, a, input")?.focus();
  }

  close(name) {
    if (name === "sidebar" && !NARROW.matches) return;
    const focused = this.elements[name].contains(document.activeElement);
    this.#hide(name);
    if (name === "search" && !MEDIUM.matches && this.#membersToo) this.elements.members.hidden = false;
    this.#changed();
    if (focused) this.actions.closed();
  }

  /** Close what lies over the messages; true if anything did. */
  closeAll() {
    const open = Object.keys(this.elements).filter(
      (name) => this.isOpen(name) && (this.#lies(name) || name === "search"),
    );
    for (const name of open) this.close(name);
    return open.length > 0;
  }

  /** Close what lies over the messages: something in them is to be seen. */
  closeIfNarrow() {
    for (const name of Object.keys(this.elements)) if (this.isOpen(name) && this.#lies(name)) this.close(name);
  }

  #lies(name) {
    return NARROW.matches || (name !== "sidebar" && MEDIUM.matches && name !== "search");
  }

  #hide(name) {
    this.elements[name].hidden = true;
  }

  #fit() {
    this.elements.sidebar.hidden = NARROW.matches;
    this.elements.members.hidden = MEDIUM.matches || this.isOpen("search");
    if (NARROW.matches) this.#hide("search");
    this.#changed();
  }

  #changed() {
    this.shade.hidden = !Object.keys(this.elements).some((name) => this.isOpen(name) && this.#lies(name));
    this.actions.changed?.();
  }
}
