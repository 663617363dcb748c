// The files of the message that is being written. A file is sent to the server as soon as it is chosen, dropped or
// pasted; the message then names it by the id that the server gave.

import { t } from "./translation.js";
import { make, sizeOf } from "./view.js";

export class Attachments {
  // list: the element that shows them. onChange(). onProblem(sentence).
  constructor(list, { person, onChange, onProblem }) {
    Object.assign(this, { list, person, onChange, onProblem });
    this.entries = []; // {name, size, id, abort}; without an id the file is on its way
    this.limits = { files: 0, bytes: 0 };
  }

  get count() {
    return this.entries.length;
  }

  get arriving() {
    return this.entries.find(({ id }) => !id);
  }

  add(files) {
    this.onProblem("");
    for (const file of files) {
      if (this.entries.length >= this.limits.files) {
        this.onProblem(t("too_many", { name: file.name, most: this.limits.files }));
        return;
      }
      if (file.size > this.limits.bytes) {
        this.onProblem(t("too_large", { name: file.name, size: this.limits.bytes / 1e6 }));
      } else this.#send(file);
    }
  }

  // The files for a message; from then on the list is empty.
  take() {
    const taken = this.entries.map(({ id, name, size }) => ({ id, name, size }));
    this.entries = [];
    this.#show();
    return taken;
  }

  async #send(file) {
    const abort = new AbortController();
    const entry = { name: file.name, size: file.size, id: "", abort };
    this.entries.push(entry);
    this.#show();
    let problem = t("lost");
    try {
      const query = new URLSearchParams({ name: file.name, person: this.person });
      const answer = await fetch(`/uploads?${query}`, { method: "POST", body: file, signal: abort.signal });
      if (answer.status === 401) problem = t("no_access");
      else ({ id: entry.id = "", problem = t("lost") } = await answer.json());
    } catch {
      if (abort.signal.aborted) return;
    }
    if (!entry.id) {
      this.#remove(entry);
      this.onProblem(t("not_attached", { name: file.name, problem }));
    } else this.#show();
  }

  #remove(entry) {
    entry.abort.abort();
    this.entries = this.entries.filter((other) => other !== entry);
    this.#show();
  }

  #show() {
    this.list.hidden = this.entries.length === 0;
    this.list.replaceChildren(
      ...this.entries.map((entry) =>
        make(
          "li", {},
          make("span", { text: entry.name }),
          make("small", { text: entry.id ? sizeOf(entry.size) : t("uploading") }),
          make("button", {
            type: "button", text: "×", "aria-label": t("remove_file", { name: entry.name }), title: t("remove"),
            on: { click: () => this.#remove(entry) },
          }),
        ),
      ),
    );
    this.onChange();
  }
}

// Take the files that the button, a drop anywhere on the page, or a paste into the box brings.
export function takeFiles(attachments, { button, input, box }) {
  const withFiles = (event) => [...(event.dataTransfer?.types ?? [])].includes("Files");
  const dropping = (on) => document.body.classList.toggle("dropping", on);
  button.addEventListener("click", () => input.click());
  input.addEventListener("change", () => {
    attachments.add([...input.files]);
    input.value = ""; // the same file can be chosen again
    box.focus();
  });
  box.addEventListener("paste", (event) => {
    const files = [...(event.clipboardData?.files ?? [])];
    if (files.length === 0) return;
    event.preventDefault();
    attachments.add(files);
  });
  addEventListener("dragover", (event) => {
    if (!withFiles(event)) return;
    event.preventDefault();
    dropping(true);
  });
  addEventListener("dragleave", (event) => event.relatedTarget === null && dropping(false));
  addEventListener("drop", (event) => {
    dropping(false);
    if (!withFiles(event)) return;
    event.preventDefault(); // the browser would open the file
    attachments.add([...event.dataTransfer.files]);
    box.focus();
  });
}
