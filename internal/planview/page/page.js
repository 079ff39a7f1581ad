"use strict";
const graph = document.getElementById("graph"), svg = document.getElementById("edges"), filter = document.getElementById("filter");
const columns = [...graph.querySelectorAll("ol")].map((ol) => [...ol.querySelectorAll("button")]);
const tasks = columns.flat();
const byID = new Map(tasks.map((t) => [t.id, t]));
const list = (text) => (text ? text.split(" ") : []).map((n) => byID.get("t" + n));
const after = new Map(tasks.map((t) => [t, list(t.dataset.after)])), end = new Map(tasks.map((t) => [t, list(t.dataset.end)]));
const before = (t) => after.get(t).concat(end.get(t));
const behindOf = new Map(tasks.map((t) => [t, []]));
for (const t of tasks) for (const b of before(t)) behindOf.get(b).push(t);
const chain = document.getElementById("chain");
let chosen = null;
let pinned = null; // the tasks before and after one, if only they are shown

const shown = (t) => !t.parentElement.hidden;
// All that is reached from a task, the task itself apart.
function reach(t, next) {
  const seen = new Set();
  for (const queue = [t]; queue.length > 0; )
    for (const n of next(queue.pop())) if (!seen.has(n)) { seen.add(n); queue.push(n); }
  return seen;
}

// The lines are drawn where the browser has put the boxes.
function draw() {
  const lines = { edge: "", end: "", before: "", behind: "" };
  svg.setAttribute("width", 0); svg.setAttribute("height", 0); // or it would hold the old size
  const origin = graph.getBoundingClientRect(), x0 = graph.scrollLeft - origin.left, y0 = graph.scrollTop - origin.top;
  const box = new Map(tasks.filter(shown).map((t) => [t, t.getBoundingClientRect()]));
  const up = chosen && reach(chosen, before).add(chosen), down = chosen && reach(chosen, (t) => behindOf.get(t)).add(chosen);
  for (const [t, to] of box)
    for (const b of before(t)) {
      const from = box.get(b);
      if (!from) continue;
      const x1 = from.right + x0, y1 = from.top + from.height / 2 + y0, x2 = to.left + x0, y2 = to.top + to.height / 2 + y0;
      const line = `M${x1} ${y1}C${x1 + 40} ${y1} ${x2 - 40} ${y2} ${x2} ${y2}`;
      if (up && up.has(t) && up.has(b)) lines.before += line;
      else if (down && down.has(t) && down.has(b)) lines.behind += line;
      else if (end.get(t).includes(b)) lines.end += line;
      else lines.edge += line;
    }
  const paths = svg.querySelectorAll("path");
  Object.values(lines).forEach((d, i) => paths[i].setAttribute("d", d));
  svg.setAttribute("width", graph.scrollWidth); svg.setAttribute("height", graph.scrollHeight);
}

function choose(t) {
  document.getElementById("nothing").hidden = t !== null;
  for (const s of document.querySelectorAll("#about section")) s.hidden = t === null || s.id !== "d" + t.id.slice(1);
  chosen = t;
  graph.classList.toggle("chosen", t !== null);
  const up = t ? reach(t, before) : new Set(), down = t ? reach(t, (n) => behindOf.get(n)) : new Set();
  for (const n of tasks) {
    n.classList.toggle("self", n === t); n.classList.toggle("before", up.has(n)); n.classList.toggle("behind", down.has(n));
    if (n === t) n.setAttribute("aria-current", "true"); else n.removeAttribute("aria-current");
  }
  if (t) reachable(t);
  draw();
}

// One task is in the order of the Tab key; the arrows lead to the others.
function reachable(t) { for (const n of tasks) n.tabIndex = n === t ? 0 : -1; }

function sift() {
  const words = filter.value.toLowerCase().split(/\s+/).filter(Boolean);
  let n = 0;
  for (const t of tasks) {
    const fits = (!pinned || pinned.has(t)) && words.every((w) => t.dataset.text.toLowerCase().includes(w));
    t.parentElement.hidden = !fits;
    if (fits) n++;
  }
  for (const ol of graph.querySelectorAll("ol")) ol.classList.toggle("empty", !ol.querySelector("li:not([hidden])"));
  document.getElementById("count").textContent = n < tasks.length ? `${n} of ${tasks.length}` : "";
  if (chosen && !shown(chosen)) choose(null);
  const first = chosen || tasks.find(shown);
  if (first) reachable(first);
  draw();
}

// The shown task of a column that is nearest to the height of another.
function nearest(column, t) {
  const y = t.getBoundingClientRect().top, away = (n) => Math.abs(n.getBoundingClientRect().top - y);
  return column.filter(shown).reduce((best, n) => (best === null || away(n) < away(best) ? n : best), null);
}

function move(t, key) {
  const c = columns.findIndex((column) => column.includes(t)), there = columns[c].filter(shown), i = there.indexOf(t);
  switch (key) {
    case "ArrowUp": return there[i - 1];
    case "ArrowDown": return there[i + 1];
    case "Home": return there[0];
    case "End": return there[there.length - 1];
    case "ArrowLeft": for (let n = c - 1; n >= 0; n--) { const to = nearest(columns[n], t); if (to) return to; } return;
    case "ArrowRight": for (let n = c + 1; n < columns.length; n++) { const to = nearest(columns[n], t); if (to) return to; } return;
  }
}

graph.addEventListener("click", (e) => { const t = e.target.closest("button"); choose(t === chosen ? null : t); });
graph.addEventListener("focusin", (e) => { if (e.target.matches(":focus-visible")) choose(e.target); });
graph.addEventListener("keydown", (e) => {
  const to = byID.has(e.target.id) && move(e.target, e.key);
  if (to) { e.preventDefault(); to.focus(); to.scrollIntoView({ block: "nearest", inline: "nearest" }); }
});
// Shows only what comes before and after the chosen task, or all again.
function pin(on) {
  pinned = on && chosen ? new Set([chosen, ...reach(chosen, before), ...reach(chosen, (t) => behindOf.get(t))]) : null;
  chain.checked = pinned !== null;
  sift();
  if (chosen) chosen.scrollIntoView({ block: "nearest", inline: "nearest" });
}

chain.addEventListener("change", () => pin(chain.checked));
document.addEventListener("keydown", (e) => {
  if (e.key === "c" && document.activeElement !== filter && !e.ctrlKey && !e.metaKey) pin(pinned === null);
  if (e.key === "/" && document.activeElement !== filter) { e.preventDefault(); filter.focus(); filter.select(); }
  if (e.key === "Escape") { if (pinned) pin(false); else if (chosen) choose(null); else { filter.value = ""; sift(); } }
  if ((e.key === "Enter" || e.key === "ArrowDown") && document.activeElement === filter) { const t = tasks.find(shown); if (t) { e.preventDefault(); t.focus(); } }
});
filter.addEventListener("input", sift);
addEventListener("resize", draw);
sift();
