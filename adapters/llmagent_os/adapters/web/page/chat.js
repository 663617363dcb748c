// The page. Its whole state is what the server has sent (items, drafts) and the actions that the server has not
// acknowledged (the outbox). Everything that is shown follows from that state.

import { Attachments, takeFiles } from "./attachments.js";
import { Connection } from "./connection.js";
import { Outbox } from "./outbox.js";
import { Palette } from "./palette.js";
import { choose, t } from "./translation.js";
import { Recorder } from "./voice.js";
import { MessageView, day, draftNode, make, pendingNode, showDraft } from "./view.js";

const $ = (id) => document.getElementById(id);
const person = new URLSearchParams(location.search).get("person") ?? "";
const TAB = `llmagent-os:conversation:${person}`; // key of the conversation that this tab shows
const UNSENT = `${TAB}:unsent`; // key of what was typed when the page was loaded again in another language
const TYPING_MILLISECONDS = 12000; // how long "an answer is coming" is shown
const SCROLL_MILLISECONDS = 1000; // how long a smooth scroll may take

const outbox = new Outbox(person);
const items = new Map(); // message id -> item, as the server last sent it
const views = new Map(); // message id -> MessageView
const drafts = new Map(); // message id -> node
let title = "Chat";
let conversation = recall(TAB);
let seq = 0;
let online = false;
let typingTimer = null;
let scrollingUntil = 0; // until then the page scrolls to its end, and new messages do not stop it
let fresh = true; // nothing of this conversation has arrived yet

function recall(key) {
  try {
    return sessionStorage.getItem(key);
  } catch {
    return null;
  }
}

function store(key, value) {
  try {
    sessionStorage.setItem(key, value);
  } catch {
    // without storage, a reload shows the latest conversation
  }
}

// Frames from the server

const connection = new Connection({
  hello: () => ({
    type: "open",
    conversation,
    after: seq,
    time_zone: Intl.DateTimeFormat().resolvedOptions().timeZone ?? "",
  }),
  onFrame: (frame) => FRAMES[frame.type]?.(frame),
  onState(state) {
    if (state === "open" && $("connection").dataset.state === "waiting") notice(t("again"));
    online = state === "open";
    $("connection").dataset.state = state;
    const label = t({ open: "connected", connecting: "connecting", waiting: "waiting" }[state]);
    if ($("connection").textContent !== label) $("connection").textContent = label;
    if (!online) showTyping(false);
    showTail();
  },
  onToken(wrong) {
    $("connection").textContent = t("locked");
    $("login-wrong").textContent = wrong ? t("wrong_token") : "";
    if (!$("login").open) $("login").showModal();
  },
});

const FRAMES = {
  welcome(frame) {
    if ($("login").open) $("login").close();
    title = frame.title;
    document.title = frame.person ? `${title} · ${frame.person}` : title;
    $("title").textContent = title;
    $("mark").textContent = [...title][0] ?? "";
    $("empty-title").textContent = frame.person ? t("hello", { person: frame.person, title }) : title;
    $("about").textContent = frame.about;
    $("text").maxLength = frame.max_characters;
    attachments.limits = { files: frame.max_files, bytes: frame.max_file_bytes };
    recorder.offer(frame.voice === true);
    showExamples(frame.examples);
    if (frame.conversation !== conversation || seq === 0) clear(frame.conversation);
    for (const entry of outbox.waiting()) connection.send(entry.frame);
    recorder.uploadWaiting();
    showTail();
  },

  conversations: (frame) => showHistory(frame.conversations, conversation),

  items(frame) {
    if (frame.conversation !== conversation) return;
    const first = fresh; // old messages, which are not announced
    fresh = false;
    const stay = atEnd() || first;
    const height = $("scroll").scrollHeight;
    const earliest = Math.min(...[...items.values()].map((item) => item.position));
    const before = items.size > 0 && frame.items.length > 0 && frame.items.every((item) => item.position < earliest);
    const history = first || before;
    if (history) {
      $("earlier").hidden = !frame.more;
      $("log").setAttribute("aria-live", "off");
      setTimeout(() => $("log").setAttribute("aria-live", "polite"), 300);
    }
    let news = false;
    let answered = false;
    const arrived = [];
    for (const item of frame.items) {
      const isNews = !history && item.author === "bot" && !items.has(item.message_id);
      news ||= isNews;
      answered ||= isNews || isNewlyWritten(item, items.get(item.message_id));
      if (isNews) arrived.push(item.message_id);
      items.set(item.message_id, item);
      seq = Math.max(seq, item.seq);
      dropDraft(item.message_id);
    }
    for (const item of frame.items) showItem(item);
    for (const id of arrived) recorder.playAnswer(views.get(id).node);
    if (arrived.length > 0 && $("text").value === "") views.get(arrived.at(-1)).focusForm();
    showDays();
    if (answered) showTyping(false);
    showTail();
    if (before) $("scroll").scrollTop += $("scroll").scrollHeight - height;
    else if (stay) toEnd(first);
    else if (news) $("latest").hidden = false;
  },

  draft({ message_id, text }) {
    if (items.has(message_id)) return; // the draft came after the message
    const follow = atEnd();
    showTyping(false);
    if (!drafts.has(message_id)) drafts.set(message_id, draftNode(message_id));
    showDraft(drafts.get(message_id), text);
    showTail();
    if (follow) toEnd(true);
  },

  language({ language }) {
    if (!choose(language)) return;
    store(UNSENT, $("text").value);
    location.reload();
  },

  typing() {
    if (drafts.size === 0) showTyping(true);
  },

  ack({ id }) {
    const entry = outbox.entries.get(id);
    outbox.remove(id);
    if (entry?.frame.message_id) refresh(entry.frame.message_id);
    showTail();
  },

  refused({ id, reason, again }) {
    const entry = outbox.entries.get(id);
    if (isSaid(entry?.frame) && (again || entry.frame.conversation === conversation)) {
      outbox.fail(id, reason, again);
    } else if (entry) {
      outbox.remove(id);
      refresh(entry.frame.message_id);
      notice(reason);
    }
    showTail();
  },

  error({ reason }) {
    notice(reason);
  },
};

// Actions of the person

function act(frame, files) {
  const entry = outbox.add({ ...frame, conversation }, files);
  connection.send(entry.frame); // if this fails, the frame is sent after the next welcome
}

function say(text, files = []) {
  const clean = text.trim().replace(/\p{Surrogate}/gu, "\uFFFD");
  if (!(clean || files.length) || !conversation) return false;
  notice("");
  recorder.talks = false;
  act({ type: "message", text: clean, ...(files.length ? { files: files.map(({ id }) => id) } : {}) }, files);
  showTail();
  toEnd();
  return true;
}

const actions = {
  react(message_id, emoji, on) {
    notice("");
    act({ type: "reaction", message_id, emoji, on });
    refresh(message_id);
  },
  press(message_id, value) {
    act({ type: "press", message_id, value });
    refresh(message_id);
  },
  fill(message_id, values) {
    act({ type: "form", message_id, values });
    refresh(message_id);
    $("text").focus();
  },
  palette: (message_id, opener) => palette.open(message_id, opener),
};

const isSaid = (frame) => frame?.type === "message" || frame?.type === "voice";

const recorder = new Recorder({
  button: $("record"),
  status: $("recording"),
  person,
  notice,
  place: () => conversation,
  send(frame) {
    const entry = outbox.add(frame);
    connection.send(entry.frame);
    showTail();
    toEnd();
  },
});

const palette = new Palette((message_id, emoji) => {
  if (!reactionsOf(items.get(message_id)).includes(emoji)) actions.react(message_id, emoji, true);
});

const attachments = new Attachments($("attached"), { person, onChange: grow, onProblem: notice });
takeFiles(attachments, { button: $("attach"), input: $("files"), box: $("text") });

function switchTo(frame) {
  if ($("history").matches(":popover-open")) $("history").hidePopover();
  if (!connection.send(frame)) notice(t("works_again"));
  $("text").focus();
}

$("composer").addEventListener("submit", (event) => {
  event.preventDefault();
  if (attachments.arriving) return notice(t("on_its_way", { name: attachments.arriving.name }));
  if (!conversation || !say($("text").value, attachments.take())) return;
  $("text").value = "";
  grow();
});
$("text").addEventListener("input", grow);
$("text").addEventListener("keydown", (event) => {
  if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
  event.preventDefault();
  $("composer").requestSubmit();
});
$("new").addEventListener("click", () => switchTo({ type: "new" }));
$("history").addEventListener("beforetoggle", (event) => event.newState === "open" && connection.send({ type: "list" }));
$("earlier").addEventListener("click", () => {
  const first = Math.min(...[...items.values()].map((item) => item.position));
  connection.send({ type: "earlier", before: first });
});
$("latest").addEventListener("click", () => toEnd());
$("scroll").addEventListener("scroll", () => atEnd() && ($("latest").hidden = true), { passive: true });
$("login").addEventListener("cancel", (event) => event.preventDefault());
$("login-form").addEventListener("submit", (event) => {
  event.preventDefault();
  connection.useToken($("token").value.trim());
});
new ResizeObserver(() => $("latest").hidden && follow && toEnd(true)).observe($("scroll"));

// Showing the state

let follow = true;
// A picture takes its place only when it has arrived. The event of an image does not bubble, so it is captured.
$("log").addEventListener("load", () => follow && toEnd(true), true);
["wheel", "touchmove", "pointerdown"].forEach((kind) => $("scroll").addEventListener(kind, () => (scrollingUntil = 0), { passive: true }));
$("scroll").addEventListener("scroll", () => (follow = atEnd()), { passive: true });

function clear(id) {
  conversation = id;
  store(TAB, id);
  seq = 0;
  fresh = true;
  [items, views, drafts].forEach((map) => map.clear());
  $("log").replaceChildren();
  $("earlier").hidden = true;
  $("latest").hidden = true;
  showTyping(false);
}

function reactionsOf(item) {
  let pressed = item.reactions ?? [];
  for (const { frame } of outbox.of(conversation, "reaction")) {
    if (frame.message_id !== item.message_id) continue;
    pressed = pressed.filter((emoji) => emoji !== frame.emoji);
    if (frame.on) pressed = [...pressed, frame.emoji];
  }
  return pressed;
}

function tappedOf(item, buttons) {
  const values = (buttons ?? []).map(({ value }) => value);
  const waiting = outbox.of(conversation, "press").find(
    ({ frame }) => frame.message_id === item.message_id && values.includes(frame.value),
  );
  return waiting?.frame.value ?? null;
}

// The question that an answer quotes, if other messages stand between the two.
function quotedBy(item) {
  const asked = item.reply_to ? items.get(item.reply_to) : null;
  if (!asked) return "";
  const between = [...items.values()].some(
    (other) => other.author === "person" && other.position > asked.position && other.position < item.position,
  );
  return between ? asked.text : "";
}

function showItem(item) {
  let view = views.get(item.message_id);
  if (!view) {
    view = new MessageView(item, item.author === "bot" ? title : t("you"), actions);
    views.set(item.message_id, view);
    const after = [...$("log").children].find((node) => {
      const other = items.get(node.dataset.id);
      return other && other.position > item.position;
    });
    $("log").insertBefore(view.node, after ?? null);
  }
  refresh(item.message_id);
}

function refresh(messageId) {
  const item = items.get(messageId);
  if (!item) return;
  views.get(messageId).update(item, {
    reactions: reactionsOf(item),
    pressed: item.pressed ?? tappedOf(item, item.buttons),
    answered: tappedOf(item, item.question?.buttons),
    quoted: item.author === "bot" ? quotedBy(item) : "",
    isSent: outbox.of(conversation, "form").some(({ frame }) => frame.message_id === item.message_id),
  });
}

function showDays() {
  $("log").querySelectorAll(".day").forEach((node) => node.remove());
  let last = "";
  for (const node of [...$("log").children]) {
    const name = day(items.get(node.dataset.id).at);
    if (name !== last) node.before(make("p", { class: "day", text: name }));
    last = name;
  }
}

function dropDraft(messageId) {
  drafts.get(messageId)?.remove();
  drafts.delete(messageId);
}

// Drafts of answers, and messages that the server has not acknowledged.
function showTail() {
  const said = [...outbox.of(conversation, "message"), ...outbox.of(conversation, "voice")];
  const waiting = said.filter(({ frame }) => !items.has(`p-${frame.id}`)).sort((a, b) => a.order - b.order);
  const nodes = waiting.map((entry) =>
    pendingNode(entry, {
      online,
      retry: () => connection.send(outbox.retry(entry.frame.id).frame) || showTail(),
      discard: () => (outbox.remove(entry.frame.id), showTail(), $("text").focus()),
    }),
  );
  $("tail").replaceChildren(...drafts.values(), ...nodes);
  $("empty").hidden = fresh || items.size + drafts.size + nodes.length > 0;
  document.body.classList.toggle("blank", !$("empty").hidden);
}

/** Whether an answer took the place of an earlier one, as the new counts of a poll do. */
function isNewlyWritten(item, before) {
  if (!item.edited || before === undefined) return false;
  const written = ({ text, card, buttons }) => JSON.stringify([text, card, buttons]);
  return written(item) !== written(before);
}

function showTyping(on) {
  clearTimeout(typingTimer);
  const follow = atEnd();
  $("typing").hidden = !on;
  if (on) typingTimer = setTimeout(() => showTyping(false), TYPING_MILLISECONDS);
  if (on && follow) toEnd();
}

function showExamples(examples) {
  $("examples").replaceChildren(
    ...examples.map((text) =>
      make("li", {}, make("button", { type: "button", text, on: { click: () => (say(text), $("text").focus()) } })),
    ),
  );
}

function showHistory(conversations, current) {
  $("history-list").replaceChildren(
    ...conversations.map(({ id, title: name, at }) => {
      const label = [make("span", { text: name || t("new") }), make("small", { text: day(at) })];
      const attributes = { type: "button", "aria-current": id === current ? "true" : undefined };
      const open = () => switchTo({ type: "open", conversation: id, after: 0 });
      return make("li", {}, make("button", { ...attributes, on: { click: open } }, ...label));
    }),
  );
}

function notice(text) {
  $("notice").textContent = text;
}

function grow() {
  const box = $("text");
  box.style.height = "auto";
  box.style.height = `${box.scrollHeight}px`;
  $("send").disabled = !(box.value.trim() || attachments.count) || Boolean(attachments.arriving);
}

function atEnd() {
  if (performance.now() < scrollingUntil) return true;
  const { scrollTop, clientHeight, scrollHeight } = $("scroll");
  return scrollHeight - scrollTop - clientHeight < 80;
}

function toEnd(instant = false) {
  $("latest").hidden = true;
  follow = true;
  scrollingUntil = instant ? 0 : performance.now() + SCROLL_MILLISECONDS;
  $("scroll").scrollTo({ top: $("scroll").scrollHeight, behavior: instant ? "instant" : "auto" });
}

$("text").value = recall(UNSENT) || $("text").value;
store(UNSENT, "");
grow();
$("text").focus({ preventScroll: true });
