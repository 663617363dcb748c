// The choice of an emoji as a reaction: buttons for some, and a field for all others.

import { t } from "./translation.js";

const EMOJI = "❤️ 🎉 😄 🙏 🔥 👏 💯 ✅ 🤔 😕 😮 😢 😡 👀 🐌 ❌ ✂️ 🥱".split(" ");
const PART = String.raw`(?:\p{RI}\p{RI}|[0-9#*]\uFE0F?\u20E3|\p{Extended_Pictographic}[\uFE0F\p{Emoji_Modifier}]?[\u{E0020}-\u{E007F}]*)`;
const ONE = new RegExp(`^${PART}(?:\\u200D${PART})*$`, "u");

export function nameOf(emoji) {
  return t(emoji); // the texts have the names under the emojis themselves
}

export class Palette {
  constructor(choose) {
    this.choose = choose;
    this.node = document.getElementById("palette");
    this.text = document.getElementById("palette-text");
    this.wrong = document.getElementById("palette-wrong");
    const grid = document.getElementById("palette-grid");
    for (const emoji of EMOJI) {
      const button = document.createElement("button");
      button.type = "button";
      button.textContent = emoji;
      button.setAttribute("aria-label", nameOf(emoji));
      button.title = nameOf(emoji);
      button.addEventListener("click", () => this.#chosen(emoji));
      grid.append(button);
    }
    grid.addEventListener("keydown", (event) => this.#move(event, [...grid.children]));
    document.getElementById("palette-form").addEventListener("submit", (event) => {
      event.preventDefault();
      const emoji = this.text.value.trim();
      if (ONE.test(emoji)) this.#chosen(emoji);
      else this.wrong.textContent = emoji ? t("one_emoji") : t("no_emoji");
    });
    this.text.addEventListener("input", () => (this.wrong.textContent = ""));
    this.node.addEventListener("toggle", (event) => {
      this.opener?.setAttribute("aria-expanded", String(event.newState === "open"));
    });
    // The popover closes itself on Escape. The focus must return to where it was.
    this.node.addEventListener("keydown", (event) => {
      if (event.key === "Escape") {
        event.preventDefault();
        this.#close();
      }
    });
  }

  open(messageId, opener) {
    this.messageId = messageId;
    this.opener = opener;
    this.text.value = "";
    this.wrong.textContent = "";
    this.node.showPopover();
    const at = opener.getBoundingClientRect();
    const size = this.node.getBoundingClientRect();
    const below = at.bottom + 6 + size.height < innerHeight;
    this.node.style.left = `${Math.max(8, Math.min(at.left, innerWidth - size.width - 8))}px`;
    this.node.style.top = `${Math.max(8, below ? at.bottom + 6 : at.top - size.height - 6)}px`;
    this.node.querySelector("button").focus();
  }

  #chosen(emoji) {
    const messageId = this.messageId;
    this.#close();
    this.choose(messageId, emoji);
  }

  #close() {
    this.node.hidePopover();
    this.opener?.focus();
  }

  #move(event, buttons) {
    const step = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: 6, ArrowUp: -6 }[event.key];
    const next = buttons[buttons.indexOf(document.activeElement) + (step ?? NaN)];
    if (!next) return;
    event.preventDefault();
    next.focus();
  }
}
