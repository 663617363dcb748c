// A WebSocket that reconnects after a restart of the server, a lost network, or a laptop's sleep.

const NOT_ADMITTED = 4401;
const FIRST_DELAY = 400; // milliseconds before the first try to reconnect
const LONGEST_DELAY = 2000; // a server that comes back is found soon after; a try costs it next to nothing
const OPEN_WITHIN = 10000; // a try that gets no answer is given up: it may have reached a server that is gone
const PING_EVERY = 20000;
const PONG_WITHIN = 8000;

export class Connection {
  // hello(): the first frame. onFrame(frame). onState("connecting" | "open" | "waiting"). onToken(wrong): ask for the token.
  constructor({ hello, onFrame, onState, onToken }) {
    Object.assign(this, { hello, onFrame, onState, onToken });
    this.socket = null;
    this.tries = 0;
    this.token = new URLSearchParams(location.hash.slice(1)).get("token");
    if (this.token !== null) history.replaceState(null, "", location.pathname + location.search);
    addEventListener("online", () => this.retryNow());
    document.addEventListener("visibilitychange", () => document.hidden || this.retryNow());
    addEventListener("pageshow", (event) => event.persisted && this.retryNow());
    addEventListener("focus", () => this.retryNow()); // a browser slows down the timers of a page that is not looked at
    setInterval(() => this.check(), PING_EVERY);
    this.connect();
  }

  send(frame) {
    if (this.socket?.readyState !== WebSocket.OPEN) return false;
    this.socket.send(JSON.stringify(frame));
    return true;
  }

  retryNow() {
    if (this.socket?.readyState === WebSocket.OPEN) return this.check();
    if (this.timer) {
      this.tries = 0;
      this.connect();
    }
  }

  useToken(token) {
    this.token = token;
    this.connect();
  }

  async connect() {
    clearTimeout(this.timer);
    this.timer = null;
    this.onState(this.tries ? "waiting" : "connecting");
    try {
      const headers = this.token === null ? {} : { Authorization: `Bearer ${this.token}` };
      const answer = await fetch("/session", { method: "POST", headers, signal: AbortSignal.timeout(OPEN_WITHIN) });
      if (answer.status === 401) {
        this.onToken(this.token !== null);
        return;
      }
      if (!answer.ok) throw new Error(await answer.text());
    } catch {
      this.again();
      return;
    }
    this.token = null; // the cookie replaces the token
    const address = new URL(`/socket${location.search}`, location.href);
    address.protocol = address.protocol.replace("http", "ws");
    const socket = new WebSocket(address);
    this.socket = socket;
    clearTimeout(this.watch);
    this.watch = setTimeout(() => this.drop(), OPEN_WITHIN);
    socket.onopen = () => this.send(this.hello());
    socket.onmessage = (event) => {
      clearTimeout(this.watch);
      this.watch = null;
      const frame = JSON.parse(event.data);
      if (frame.type === "welcome") {
        this.tries = 0;
        this.onState("open");
      }
      if (frame.type !== "pong") this.onFrame(frame);
    };
    socket.onclose = (event) => {
      if (this.socket !== socket) return;
      this.socket = null;
      if (event.code === NOT_ADMITTED && this.tries === 0) {
        this.tries = 1;
        this.connect();
      } else {
        this.again();
      }
    };
  }

  again() {
    clearTimeout(this.watch);
    this.watch = null;
    const delay = Math.min(LONGEST_DELAY, FIRST_DELAY * 2 ** this.tries) * (0.7 + 0.3 * Math.random());
    this.tries += 1;
    this.onState("waiting");
    this.timer = setTimeout(() => this.connect(), delay);
  }

  // A connection that died silently (sleep, lost network) still looks open: send a ping, and reconnect without a pong.
  check() {
    if (this.watch || !this.send({ type: "ping" })) return;
    this.watch = setTimeout(() => this.drop(), PONG_WITHIN);
  }

  // Give up a connection that does not answer, and try again.
  drop() {
    const socket = this.socket;
    this.socket = null;
    socket?.close();
    this.again();
  }
}
