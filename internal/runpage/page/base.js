"use strict";
// What all parts of the page share: the data, elements, and how figures are written.
const data = JSON.parse(document.getElementById("data").textContent);
const run = data.run;
const byID = (id) => document.getElementById(id);

// el makes an element. Children are elements and texts; a text is never markup.
function el(tag, attributes, ...children) {
  const e = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes || {}))
    if (name === "class") e.className = value;
    else if (name === "onclick") e.addEventListener("click", value);
    else if (value !== undefined && value !== null && value !== false) e.setAttribute(name, value);
  e.append(...children.flat().filter((c) => c !== undefined && c !== null && c !== false && c !== ""));
  return e;
}

const MB = 1048576, GB = 1024 * MB;
const size = (b) => (Math.abs(b) < 10 * MB ? (b / MB).toFixed(1) + " MB" : Math.abs(b) < GB ? Math.round(b / MB) + " MB" : (b / GB).toFixed(2) + " GB");
function time(s) {
  if (s < 60) return s.toFixed(2) + " s";
  const whole = Math.round(s), two = (n) => String(n).padStart(2, "0");
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${two(whole % 60)} s`;
  return `${Math.floor(whole / 3600)} h ${two(Math.floor((whole % 3600) / 60))} min`;
}
function date(text) {
  const d = new Date(text), two = (n) => String(n).padStart(2, "0");
  return `${d.getFullYear()}-${two(d.getMonth() + 1)}-${two(d.getDate())} ${two(d.getHours())}:${two(d.getMinutes())}:${two(d.getSeconds())}`;
}
const percent = (part, whole) => (part > 0 && part < 0.005 * whole ? "under 1 %" : (whole > 0 ? Math.round((100 * part) / whole) : 0) + " %");
const count = (n, noun) => n + " " + noun + (n === 1 ? "" : "s");
const signed = (n, text) => (n > 0 ? "+" : n < 0 ? "−" : "") + text(Math.abs(n));
const sum = (list) => list.reduce((a, b) => a + b, 0);
// last is the last of the values at which a condition holds, by bisection: it holds up to some place.
function last(list, holds) {
  let from = 0, to = list.length;
  while (from < to) {
    const middle = (from + to) >> 1;
    if (holds(list[middle])) from = middle + 1; else to = middle;
  }
  return from - 1;
}

// Colours are those of the style sheet, for light, dark and paper.
const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue("--" + name).trim();
const layerColour = (i) => ({ others: "others", own: "own" })[data.usage.layers[i].kind] || "l" + i;
const swatch = (name) => {
  const s = el("span", { class: "swatch" });
  s.style.background = `var(--${name})`;
  return s;
};

const statuses = {
  "succeeded": ["✓", "good"], "up to date": ["✓", "good"], "restored": ["✓", "good"], "failed": ["✕", "bad"], "out-of-memory": ["✕", "bad", "out of memory"],
  "timed-out": ["✕", "bad", "timed out"], "stopped": ["■", "warn"], "interrupted": ["■", "warn"], "outdated": ["■", "warn", "out of date"], "unfinished": ["…", "warn", "no end recorded"],
};
const statusText = (s) => (statuses[s] && statuses[s][2]) || s;
const statusMark = (s) => el("span", { class: (statuses[s] || [])[1] || "faint" }, ((statuses[s] || [])[0] || "–") + " " + statusText(s));
const isFailure = (s) => s === "failed" || s === "out-of-memory" || s === "timed-out";
const causes = { memory: "memory", processors: "a processor", concurrency: "its turn (the concurrency that is set)" };

// figures of a task, over its attempts.
for (const t of data.tasks) {
  t.attempts ||= []; t.waits ||= []; t.after ||= [];
  const final = t.attempts[t.attempts.length - 1];
  t.start = final ? t.attempts[0].start : t.known ? t.known.at : undefined;
  t.seconds = final ? final.end - final.start : undefined;
  t.cpu = final && final.cpu; t.peak = final && final.peak; t.need = final && final.need;
  t.waited = sum(t.waits.map((w) => w.to - w.from));
  t.frozen = sum(t.attempts.flatMap((a) => a.frozen || []).map((f) => f[1] - f[0]));
}
