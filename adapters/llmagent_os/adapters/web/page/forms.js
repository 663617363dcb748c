// A form under a reply. The browser checks what must be filled in; what it means is for the bot to say.

import { t } from "./translation.js";
import { make } from "./view.js";

let count = 0;

// form: as the server shows it. send: called with the values by key.
export function formNode(form, send) {
  const fields = form.fields.map((field) => ({ key: field.key, ...fieldNodes(field) }));
  const node = make(
    "form", { class: "filling", "aria-label": t("form", { title: form.title }), novalidate: true },
    make("h3", { text: form.title }),
    ...fields.map(({ row }) => row),
    make("button", { type: "submit", class: "choice primary", text: t("send_form") }),
  );
  node.addEventListener("submit", (event) => {
    event.preventDefault();
    const wrong = fields.find(({ input }) => !input.checkValidity());
    for (const { input, show } of fields) show(input.validationMessage);
    if (wrong) return wrong.input.focus();
    for (const element of node.elements) element.disabled = true;
    send(Object.fromEntries(fields.map(({ key, input }) => [key, input.value])));
  });
  return node;
}

function fieldNodes(field) {
  const id = `field-${++count}`;
  const required = field.required !== false && !field.default;
  const input = inputNode(field, { id, required, "aria-describedby": `${id}-help ${id}-error` });
  const error = make("p", { id: `${id}-error`, class: "wrong", role: "alert" });
  const show = (text) => {
    error.textContent = text;
    error.hidden = !text;
    if (text) input.setAttribute("aria-invalid", "true");
    else input.removeAttribute("aria-invalid");
  };
  show(field.error ?? "");
  const label = make("label", { for: id, text: field.label });
  if (!required && !field.default) label.append(" ", make("small", { text: t("optional") }));
  const help = make("p", { id: `${id}-help`, class: "help", text: field.help ?? "" });
  help.hidden = !field.help;
  return { input, show, row: make("div", { class: "field" }, label, help, input, error) };
}

function inputNode(field, attributes) {
  const kind = field.kind ?? "line";
  const value = field.default ?? "";
  if (kind === "choice" || kind === "yes_no") {
    const empty = value ? [] : [make("option", { value: "", text: t("choose") })];
    const options = field.choices.map(([key, text]) => make("option", { value: key, text, selected: key === value }));
    return make("select", attributes, ...empty, ...options);
  }
  // Without a limit of the kind, the bot says what is too long.
  const maxlength = field.max_length || undefined;
  if (kind === "text") {
    const box = make("textarea", { ...attributes, rows: 4, maxlength });
    box.value = value;
    return box;
  }
  const readable = kind !== "date" || /^\d{4}-\d\d-\d\d$/.test(value) || !value;
  const isTime = kind === "time" && (/^\d\d:\d\d$/.test(value) || !value);
  const type = kind === "date" && readable ? "date" : isTime ? "time" : "text";
  const extra = kind === "number" ? { inputmode: "decimal" } : {};
  const box = make("input", { ...attributes, ...extra, type, maxlength, autocomplete: "off" });
  box.value = value;
  return box;
}
