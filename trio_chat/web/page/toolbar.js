/**
 * What can be done with the message under the pointer or the focus: one set of buttons that moves from row to row.
 *
 * This file owns the buttons. It must not know what they do.
 */

import { h, iconButton } from "./dom.js";

/** So far the buttons reach beyond the upper edge of their row, in pixels, to cover little of what is said there. */
const BEYOND = 14;

const BUTTONS = [
  { what: "reply", name: "reply", label: "Reply", key: "R" },
  { what: "copy", name: "copy", label: "Copy text", key: "C" },
  { what: "edit", name: "edit", label: "Edit", key: "E", own: true },
  { what: "remove", name: "bin", label: "Delete", key: "Delete", own: true },
];

export class Toolbar {
  #row = null;

  /**
   * @param viewport what the rows are scrolled in.
   * @param act `(what, row)` is told which button was pressed.
   */
  constructor(viewport, act) {
    this.viewport = viewport;
    this.buttons = BUTTONS.map(({ what, name, label, key, own }) => {
      const button = iconButton(name, label, () => act(what, this.#row), { title: `${label} (${key})` });
      return { button, own };
    });
    this.element = h(
      "div.tools",
      { role: "group", "aria-label": "This message" },
      ...this.buttons.map(({ button }) => button),
    );
  }

  /** Stand in a row, unless somebody is just using the buttons in another one. */
  show(element, row) {
    if (element === undefined || (this.element.contains(document.activeElement) && row !== this.#row)) return;
    this.#row = row;
    for (const { button, own } of this.buttons) button.hidden = own === true && !row.own;
    if (this.element.parentNode !== element) element.append(this.element);
    const above = element.getBoundingClientRect().top - this.viewport.getBoundingClientRect().top;
    this.element.style.top = `${-Math.min(BEYOND, above)}px`; // not behind what is above the viewport
  }

  hide() {
    if (!this.element.contains(document.activeElement)) this.element.remove();
  }
}
