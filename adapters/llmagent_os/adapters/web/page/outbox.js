// The actions that the server has not acknowledged. They are kept in the browser's storage, so that neither a restart
// of the server nor a reload of the page loses them. An action has the same id at every try, and is done only once.

const ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

export function newId() {
  // Not crypto.randomUUID(): pages over plain HTTP from another machine do not have it.
  return Array.from(crypto.getRandomValues(new Uint8Array(22)), (byte) => ALPHABET[byte & 63]).join("");
}

export class Outbox {
  constructor(person) {
    this.prefix = `llmagent-os:outbox:${person}:`;
    this.entries = new Map(); // id -> {frame, files, order, failed, again}
    const found = [];
    try {
      for (const key of Object.keys(localStorage)) {
        if (key.startsWith(this.prefix)) found.push(JSON.parse(localStorage.getItem(key)));
      }
    } catch {
      // This browser has no storage: actions are kept only while the page is open.
    }
    found.sort((a, b) => a.order - b.order).forEach((entry) => this.entries.set(entry.frame.id, entry));
    this.order = Math.max(Date.now(), ...found.map((entry) => entry.order + 1));
  }

  // files: the names and sizes of what a message comes with, to show them.
  add(frame, files = []) {
    const entry = { frame: { ...frame, id: frame.id ?? newId() }, files, order: this.order++, failed: "", again: false };
    this.entries.set(entry.frame.id, entry);
    this.#store(entry);
    return entry;
  }

  fail(id, reason, again) {
    const entry = this.entries.get(id);
    if (!entry) return;
    Object.assign(entry, { failed: reason, again });
    this.#store(entry);
  }

  retry(id) {
    const entry = this.entries.get(id);
    Object.assign(entry, { failed: "", again: false });
    this.#store(entry);
    return entry;
  }

  remove(id) {
    this.entries.delete(id);
    try {
      localStorage.removeItem(this.prefix + id);
    } catch {
      // this browser has no storage
    }
  }

  // Actions in the order in which they were done.
  waiting() {
    return [...this.entries.values()].filter((entry) => !entry.failed);
  }

  of(conversation, type) {
    return [...this.entries.values()].filter(
      ({ frame }) => frame.conversation === conversation && frame.type === type,
    );
  }

  #store(entry) {
    try {
      localStorage.setItem(this.prefix + entry.frame.id, JSON.stringify(entry));
    } catch {
      // the storage is full or missing: the action stays in memory
    }
  }
}
