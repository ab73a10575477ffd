/**
 * The first visit: who one wants to be.
 *
 * This file owns the form. It must not know what a connection is.
 */

export class Welcome {
  /** @param come `(nick)` tries to come in under a name. */
  constructor(come) {
    this.element = document.getElementById("welcome");
    this.input = document.getElementById("welcome-nick");
    this.error = document.getElementById("welcome-error");
    this.button = this.element.querySelector("button");
    document.getElementById("welcome-form").addEventListener("submit", (event) => {
      event.preventDefault();
      const nick = this.input.value.trim();
      if (nick === "") {
        this.complain("Type a name first.");
        return;
      }
      this.error.textContent = "";
      this.button.disabled = true;
      come(nick);
    });
  }

  /** Show the form, with what was wrong with the last name if anything was. */
  show(nick = "", complaint = "") {
    this.element.hidden = false;
    if (this.input.value === "") this.input.value = nick;
    this.complain(complaint);
  }

  complain(sentence) {
    this.button.disabled = false;
    this.error.textContent = sentence;
    this.input.focus();
    this.input.select();
  }

  hide() {
    this.element.hidden = true;
    this.button.disabled = false;
  }
}
