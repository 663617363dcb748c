// The texts of the page in its language, which the server chooses: by the cookie, else by the browser's languages.

import TEXTS from "./texts.js";

const COOKIE = "llmagent-os-language";
const YEAR_SECONDS = 31536000;

// The page's language as browsers write dates and numbers in it: de-AT where the browser says so.
export const locale = navigator.languages.find((tag) => tag.split("-")[0] === TEXTS.lang.split("-")[0]) ?? TEXTS.lang;

export function t(name, values = {}) {
  return (TEXTS[name] ?? name).replace(/\{(\w+)\}/g, (whole, key) => values[key] ?? whole);
}

// Keep the choice of a language; empty: follow the browser. Returns whether the page has to be loaded again.
export function choose(language) {
  const before = document.cookie;
  document.cookie = `${COOKIE}=${language}; path=/; samesite=strict; max-age=${language ? YEAR_SECONDS : 0}`;
  return language ? language !== TEXTS.lang.split("-")[0] : before !== document.cookie;
}
