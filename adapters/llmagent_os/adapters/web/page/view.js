// One message as DOM elements. A changed message is updated in place, part by part: the focus stays where it is, and a
// screen reader announces only new messages.

import { formNode } from "./forms.js";
import { iconOf } from "./icons.js";
import { render } from "./markdown.js";
import { nameOf } from "./palette.js";
import { locale, t } from "./translation.js";
import { isSound, player, spokenLabel } from "./voice.js";

const ALWAYS = ["👍", "👎"];
const timeOf = new Intl.DateTimeFormat(locale, { hour: "numeric", minute: "2-digit" });
const dayOf = new Intl.DateTimeFormat(locale, { weekday: "long", day: "numeric", month: "long" });
const sizeIn = new Intl.NumberFormat(locale, { minimumFractionDigits: 1, maximumFractionDigits: 1 });
const wholeOf = new Intl.DateTimeFormat(locale, { dateStyle: "full", timeStyle: "short" });

export function make(name, attributes = {}, ...children) {
  const node = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (key === "text") node.textContent = value;
    else if (key === "on") Object.entries(value).forEach(([event, act]) => node.addEventListener(event, act));
    else if (value !== undefined && value !== false) node.setAttribute(key, value === true ? "" : value);
  }
  node.append(...children);
  return node;
}

export function day(at) {
  const date = new Date(at);
  const days = Math.round((new Date().setHours(0, 0, 0, 0) - new Date(date).setHours(0, 0, 0, 0)) / 86400000);
  return days === 0 ? t("today") : days === 1 ? t("yesterday") : dayOf.format(date);
}

function time(at) {
  const date = new Date(at);
  return make("time", { datetime: date.toISOString(), title: wholeOf.format(date), text: timeOf.format(date) });
}

export class MessageView {
  // actions: {react(id, emoji, on), press(id, value), fill(id, values), palette(id, opener)}
  constructor(item, speaker, actions) {
    this.actions = actions;
    this.id = item.message_id;
    this.body = make("div", { class: "body" });
    this.extras = make("div", { class: "extras" });
    this.form = make("div", { hidden: true });
    this.choices = make("div", { class: "choices", role: "group", "aria-label": t("choices"), hidden: true });
    this.node = make("article", { class: `message ${item.author}`, "data-id": item.message_id });
    this.node.append(make("h2", { class: "sr", text: t("said", { name: speaker }) }), this.body);
    if (item.author === "bot") {
      this.bar = make("div", { class: "bar", role: "group", "aria-label": t("reactions") });
      this.more = make("button", {
        type: "button", class: "react more", "aria-label": t("react_other"), title: t("react_other"), text: "+",
        "aria-haspopup": "dialog", "aria-expanded": "false", on: { click: () => actions.palette(this.id, this.more) },
      });
      this.edited = make("span", { class: "edited", text: t("edited"), hidden: true });
      this.bar.append(this.more, this.edited, time(item.at));
      this.question = make("div", { class: "choices question", role: "group", hidden: true });
      this.node.append(this.extras, this.form, this.choices, this.bar, this.question);
    } else {
      this.node.append(this.extras, make("p", { class: "meta" }, time(item.at)));
    }
  }

  // reactions: those shown as pressed. pressed: the chosen button's value, or null.
  // answered: the value of the tap on the question that waits for the server, or null.
  // isSent: whether the form waits for the server.
  update(item, { reactions = [], pressed = null, quoted = "", answered = null, isSent = false } = {}) {
    const extras = JSON.stringify([item.card ?? null, item.files ?? []]);
    if (this.text !== item.text || this.quoted !== quoted) {
      this.text = item.text;
      this.quoted = quoted;
      if (item.author === "bot") this.body.replaceChildren(render(item.text));
      else this.body.textContent = item.text;
      if (quoted) this.body.prepend(make("p", { class: "quoted", text: quoted }));
    }
    if (this.shown !== extras) {
      this.shown = extras;
      this.extras.replaceChildren(...card(item.card), ...files(item.files ?? []));
    }
    if (item.author !== "bot") return;
    this.edited.hidden = !item.edited;
    this.#showForm(isSent ? null : item.form ?? null);
    this.#showChoices(item.buttons ?? [], pressed);
    this.#showReactions(reactions);
    this.#showQuestion(answered === null ? item.question ?? null : null);
  }

  // A question goes as a whole once it is answered. The focus returns to the thumb that it was about.
  #showQuestion(question) {
    const signature = JSON.stringify(question);
    if (this.asked === signature) return;
    this.asked = signature;
    const focused = this.question.contains(document.activeElement);
    this.question.hidden = question === null;
    if (question === null) {
      this.question.replaceChildren();
      if (focused) this.bar.querySelector("[aria-pressed=true]")?.focus();
      return;
    }
    this.question.setAttribute("aria-label", question.text);
    this.question.replaceChildren(
      make("p", { class: "asked", text: question.text }),
      ...question.buttons.map(({ label, value }) =>
        make("button", { type: "button", class: "choice chip", text: label, on: { click: () => this.actions.press(this.id, value) } }),
      ),
    );
  }

  // A form goes as a whole once it is sent. The focus is on the first field that has to be corrected.
  #showForm(form) {
    const signature = JSON.stringify(form);
    if (this.filling === signature) return;
    this.filling = signature;
    this.form.hidden = form === null;
    this.form.replaceChildren(...(form === null ? [] : [formNode(form, (values) => this.actions.fill(this.id, values))]));
  }

  // Called once where the form has just come: whoever asked for it goes on there.
  focusForm() {
    (this.form.querySelector("[aria-invalid]") ?? this.form.querySelector("input, select, textarea"))?.focus();
  }

  #showChoices(buttons, pressed) {
    const signature = JSON.stringify(buttons);
    if (this.buttons !== signature) {
      this.buttons = signature;
      this.choices.hidden = buttons.length === 0;
      this.choices.replaceChildren(
        ...buttons.map(({ label, value, style }) =>
          make("button", {
            type: "button", class: `choice ${style === "primary" || style === "danger" ? style : ""}`, text: label,
            "data-value": value,
            on: { click: (event) => event.currentTarget.ariaDisabled === "true" || this.actions.press(this.id, value) },
          }),
        ),
      );
    }
    this.choices.classList.toggle("made", pressed !== null);
    for (const button of this.choices.children) {
      const chosen = pressed !== null && button.dataset.value === pressed;
      button.classList.toggle("chosen", chosen);
      // Not `disabled`: the button would lose the keyboard's focus.
      if (pressed !== null) button.setAttribute("aria-disabled", "true");
      else button.removeAttribute("aria-disabled");
      if (pressed !== null) button.setAttribute("aria-pressed", String(chosen));
      else button.removeAttribute("aria-pressed");
    }
  }

  #showReactions(pressed) {
    const wanted = [...ALWAYS, ...pressed.filter((emoji) => !ALWAYS.includes(emoji))];
    const there = new Map([...this.bar.querySelectorAll("[data-emoji]")].map((node) => [node.dataset.emoji, node]));
    for (const [emoji, node] of there) {
      if (wanted.includes(emoji)) continue;
      if (node === document.activeElement) this.more.focus();
      node.remove();
    }
    for (const emoji of wanted) {
      let node = there.get(emoji);
      if (!node) {
        node = make("button", {
          type: "button", class: "react", "data-emoji": emoji, "aria-label": nameOf(emoji), title: nameOf(emoji),
          on: { click: () => this.actions.react(this.id, emoji, node.getAttribute("aria-pressed") !== "true") },
        }, iconOf(emoji));
        this.more.before(node);
      }
      node.setAttribute("aria-pressed", String(pressed.includes(emoji)));
    }
  }
}

function card(value) {
  if (!value) return [];
  const rows = (value.rows ?? []).map(([label, text]) =>
    make("div", { class: "row" }, make("dt", { text: label }), make("dd", { text })),
  );
  const title = value.title ? [make("h3", { text: value.title })] : [];
  return [make("section", { class: "card" }, ...title, make("dl", {}, ...rows))];
}

// Files that can be saved; without an address they are on their way.
function files(values) {
  return values.map(({ name, url, size, alt }) => {
    if (url && isSound(name)) return player(url);
    if (url && alt) return make("a", { class: "picture", href: url, download: name, title: name }, make("img", { src: url, alt }));
    const parts = [make("span", { text: name }), make("small", { text: sizeOf(size) })];
    return url ? make("a", { class: "file", href: url, download: name }, ...parts) : make("span", { class: "file" }, ...parts);
  });
}

export function sizeOf(bytes) {
  if (bytes < 1024) return `${bytes} B`;
  return bytes < 1048576 ? `${sizeIn.format(bytes / 1024)} KB` : `${sizeIn.format(bytes / 1048576)} MB`;
}

export function draftNode(id) {
  // Hidden from screen readers, which would read every change. The whole message follows.
  return make("article", { class: "message bot draft", "data-id": id, "aria-hidden": "true" }, make("div", { class: "body" }));
}

export function showDraft(node, text) {
  node.firstChild.replaceChildren(render(text));
}

export function pendingNode(entry, { retry, discard, online }) {
  const state = entry.failed
    ? [entry.failed + " ", ...(entry.again ? [make("button", { type: "button", class: "link", text: t("retry"), on: { click: retry } }), " "] : []),
       make("button", { type: "button", class: "link", text: t("remove"), on: { click: discard } })]
    : [online ? t("sending") : t("waits")];
  return make(
    "article", { class: `message person ${entry.failed ? "failed" : "pending"}`, "data-id": `p-${entry.frame.id}` },
    make("h2", { class: "sr", text: t("said", { name: t("you") }) }),
    make("div", { class: "body", text: entry.frame.text ?? spokenLabel(entry.frame.seconds) }),
    make("div", { class: "extras" }, ...files(entry.files ?? [])), make("p", { class: "meta" }, ...state),
  );
}
