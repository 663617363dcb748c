// The microphone and the player. A recording is uploaded first, and then named in a frame with the same id.

import { newId } from "./outbox.js";
import { t } from "./translation.js";

const FORMATS = ["audio/webm;codecs=opus", "audio/ogg;codecs=opus", "audio/mp4"];
const TAP_MILLISECONDS = 400; // a shorter press begins a recording that the next press ends
const SHORTEST_MILLISECONDS = 300; // what is shorter holds no word

export const isSound = (name) => /\.(ogg|oga|opus|mp3|m4a|wav|webm)$/i.test(name);

export function player(url) {
  const node = document.createElement("audio");
  Object.assign(node, { controls: true, preload: "metadata", src: url });
  node.setAttribute("aria-label", t("listen"));
  return node;
}

export const spokenLabel = (seconds) => t("spoken", { length: clock(seconds) });

function clock(seconds) {
  const whole = Math.floor(seconds);
  return `${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, "0")}`;
}

export class Recorder {
  // send(frame), notice(text), place(): the conversation that is shown. person: who the page is for, as in ?person=.
  constructor({ button, status, person, send, notice, place }) {
    Object.assign(this, { button, status, person, send, notice, place });
    this.talks = false; // the last thing that the person did was to speak: the answer is played
    this.waiting = []; // recordings that are not uploaded: {id, conversation, blob, seconds}
    this.uploading = false;
    this.recording = null;
    this.starting = false;
    this.format = globalThis.MediaRecorder && FORMATS.find((format) => MediaRecorder.isTypeSupported(format));
    button.addEventListener("pointerdown", (event) => event.button === 0 && this.#press());
    addEventListener("pointerup", () => this.#release());
    addEventListener("pointercancel", () => this.#release());
    button.addEventListener("click", (event) => event.detail === 0 && this.#toggle()); // the keyboard
    addEventListener("keydown", (event) => event.key === "Escape" && this.cancel());
  }

  // Browsers give a microphone only to pages over HTTPS, or of this machine.
  offer(wanted) {
    this.button.hidden = !(wanted && this.format && navigator.mediaDevices?.getUserMedia);
    document.body.classList.toggle("speaks", !this.button.hidden);
  }

  playAnswer(node) {
    if (this.talks) node.querySelector("audio")?.play().catch(() => {}); // the browser may forbid it: there are controls
  }

  cancel() {
    this.pressed = false;
    if (!this.recording) return;
    this.recording.cancelled = true;
    this.recording.machine.stop();
  }

  async uploadWaiting() {
    if (this.uploading) return;
    this.uploading = true;
    try {
      while (this.waiting.length > 0) {
        const [{ id, conversation, blob, seconds }] = this.waiting;
        const headers = { "Content-Type": blob.type.split(";")[0] };
        let answer;
        try {
          const query = new URLSearchParams({ id, person: this.person });
          answer = await fetch(`/recordings?${query}`, { method: "POST", headers, body: blob });
        } catch {
          this.notice(t("sent_later"));
          return;
        }
        this.waiting.shift();
        if (answer.ok) this.send({ type: "voice", id, conversation, seconds });
        else this.notice((await answer.json().catch(() => ({}))).error ?? t("not_taken"));
      }
    } finally {
      this.uploading = false;
    }
  }

  #press() {
    if (this.recording || this.starting) return this.#finish();
    this.pressed = true;
    this.since = performance.now();
    this.#begin();
  }

  #release() {
    if (!this.pressed) return;
    this.pressed = false;
    if (performance.now() - this.since >= TAP_MILLISECONDS) this.#finish();
  }

  #toggle() {
    if (this.recording || this.starting) this.#finish();
    else this.#begin();
  }

  async #begin() {
    this.notice("");
    this.starting = true;
    this.endAtOnce = false;
    let stream;
    try {
      stream = await navigator.mediaDevices.getUserMedia({ audio: { channelCount: 1, noiseSuppression: true } });
    } catch (error) {
      this.pressed = false;
      this.notice(
        error.name === "NotAllowedError" ? t("no_permission")
          : t("no_microphone"),
      );
      return;
    } finally {
      this.starting = false;
    }
    const machine = new MediaRecorder(stream, { mimeType: this.format, audioBitsPerSecond: 32000 });
    const recording = { machine, stream, chunks: [], since: performance.now(), conversation: this.place(), cancelled: false };
    machine.addEventListener("dataavailable", (event) => recording.chunks.push(event.data));
    machine.addEventListener("stop", () => this.#stopped(recording));
    this.recording = recording;
    machine.start();
    this.#show();
    this.timer = setInterval(() => this.#show(), 500);
    if (this.endAtOnce) this.#finish();
  }

  #finish() {
    if (this.starting) this.endAtOnce = true;
    else if (this.recording?.machine.state === "recording") this.recording.machine.stop();
  }

  #stopped(recording) {
    clearInterval(this.timer);
    recording.stream.getTracks().forEach((track) => track.stop());
    this.recording = null;
    this.#show();
    const length = performance.now() - recording.since;
    if (recording.cancelled) return;
    if (length < SHORTEST_MILLISECONDS) return this.notice(t("too_short"));
    this.talks = true;
    const blob = new Blob(recording.chunks, { type: this.format });
    this.waiting.push({ id: newId(), conversation: recording.conversation, blob, seconds: Math.round(length) / 1000 });
    this.uploadWaiting();
  }

  #show() {
    const on = this.recording !== null;
    this.button.setAttribute("aria-pressed", String(on));
    this.button.setAttribute("aria-label", on ? t("send_recording") : t("record"));
    const length = on ? (performance.now() - this.recording.since) / 1000 : 0;
    this.status.textContent = on ? t("recording", { length: clock(length) }) : "";
  }
}
