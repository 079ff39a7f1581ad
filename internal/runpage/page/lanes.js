// What ran when: a row for each task, or tasks side by side in as few rows as they need. Only the rows
// in sight are drawn, so thousands are as smooth as ten.
const lanes = byID("lanes"), canvas = lanes.querySelector("canvas");
const rowHeight = 22, barHeight = 14;
let mode, rows = [], rowOf = new Map(); // of tasks: their row
let chosen = null; // the index of a task

const ran = data.tasks.map((t, i) => i).filter((i) => data.tasks[i].attempts.length > 0)
  .sort((a, b) => data.tasks[a].start - data.tasks[b].start || a - b);

// arrange fills the rows: of each, the attempts as [task, attempt].
function arrange(to) {
  mode = to;
  rows = []; rowOf = new Map();
  if (mode === "task") ran.forEach((i, row) => { rows.push(data.tasks[i].attempts.map((a, n) => [i, n])); rowOf.set(i, row); });
  else {
    const ends = [];
    for (const [i, n] of ran.flatMap((i) => data.tasks[i].attempts.map((a, n) => [i, n])).sort((a, b) => bar(a).start - bar(b).start)) {
      let row = ends.findIndex((e) => e <= bar([i, n]).start);
      if (row < 0) { row = ends.length; rows.push([]); }
      ends[row] = bar([i, n]).end;
      rows[row].push([i, n]); rowOf.set(i, row);
    }
  }
  for (const b of byID("modes").children) b.setAttribute("aria-pressed", b.dataset.mode === mode);
  for (const s of document.querySelectorAll("#signs .wait")) s.hidden = mode !== "task";
  lanes.firstElementChild.style.height = rows.length * rowHeight + 8 + "px";
  drawLanes();
}
const bar = ([i, n]) => data.tasks[i].attempts[n];

const onPath = new Set(data.path.map((l) => l.task + "/" + l.attempt));

// scale gives the place of a time in the lanes, which have the chart's plot above them.
function scale() {
  const left = chart.bbox.left / devicePixelRatio, width = chart.bbox.width / devicePixelRatio;
  return { left, width, x: (s) => left + ((s - view[0]) / (view[1] - view[0])) * width, s: (x) => view[0] + ((x - left) / width) * (view[1] - view[0]) };
}

const ink = new Map(); // black or white for text on a colour
function inkOn(c, background) {
  if (!ink.has(background)) {
    c.fillStyle = background;
    const [r, g, b] = [1, 3, 5].map((i) => parseInt(c.fillStyle.slice(i, i + 2), 16) / 255).map((v) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4));
    ink.set(background, 0.2126 * r + 0.7152 * g + 0.0722 * b > 0.19 ? "#000" : "#fff");
  }
  return ink.get(background);
}

function hatch(c, x, y, w, h, step) {
  c.save();
  c.beginPath(); c.rect(x, y, w, h); c.clip();
  c.beginPath();
  for (let at = Math.floor((x - h) / step) * step; at < x + w; at += step) { c.moveTo(at, y + h); c.lineTo(at + h, y); }
  c.stroke();
  c.restore();
}

// drawBar draws an attempt: filled with its package's colour, red if it failed, hollow if it was stopped,
// hatched while it was frozen, and with a line below if it is on the critical path.
function drawBar(c, look, i, n, x0, x1, y) {
  const t = data.tasks[i], a = t.attempts[n];
  const w = Math.max(1.5, x1 - x0), fill = isFailure(a.status) ? look.fail : look.layers[t.layer];
  const hollow = a.status === "stopped" || a.status === "interrupted" || a.status === "outdated";
  c.fillStyle = fill;
  if (hollow) {
    c.globalAlpha = 0.25; c.fillRect(x0, y, w, barHeight); c.globalAlpha = 1;
    c.strokeStyle = fill; c.lineWidth = 1.5; c.strokeRect(x0 + 0.75, y + 0.75, Math.max(0.5, w - 1.5), barHeight - 1.5);
  } else if (w < 10) c.fillRect(x0, y, Math.max(1, w - 0.5), barHeight);
  else { c.beginPath(); c.roundRect(x0, y, w, barHeight, 3); c.fill(); }
  for (const [from, to] of a.frozen || []) {
    const f0 = Math.max(x0, look.scale.x(from)), f1 = Math.min(x1, look.scale.x(to));
    if (f1 <= f0) continue;
    c.fillStyle = look.page; c.globalAlpha = 0.72; c.fillRect(f0, y + 1, f1 - f0, barHeight - 2); c.globalAlpha = 1;
    c.strokeStyle = fill; c.lineWidth = 1.5; hatch(c, f0, y + 1, f1 - f0, barHeight - 2, 5);
  }
  if (t.critical && onPath.has(i + "/" + n)) { c.fillStyle = look.text; c.fillRect(x0, y + barHeight + 1.5, w, 2); }
  if (i === chosen) { c.strokeStyle = look.text; c.lineWidth = 2; c.strokeRect(x0 - 1, y - 1, w + 2, barHeight + 2); }
  return fill;
}

function drawLanes() {
  if (!chart || !mode) return;
  const height = Math.min(rows.length * rowHeight + 8, lanes.clientHeight || 420), width = lanes.clientWidth, ratio = devicePixelRatio;
  if (canvas.width !== Math.round(width * ratio) || canvas.height !== Math.round(height * ratio)) {
    canvas.width = Math.round(width * ratio); canvas.height = Math.round(height * ratio);
    canvas.style.width = width + "px"; canvas.style.height = height + "px";
  }
  const c = canvas.getContext("2d"), at = scale();
  const look = { scale: at, page: colour("page"), text: colour("text"), faint: colour("faint"), bad: colour("bad"), fail: colour("fail"), warn: colour("warning"), grid: colour("grid"), line: colour("others"), layers: usage.layers.map((l, i) => colour(layerColour(i))) };
  c.setTransform(ratio, 0, 0, ratio, 0, 0);
  c.clearRect(0, 0, width, height);
  c.font = "12px system-ui, sans-serif"; c.textBaseline = "middle"; c.textAlign = "left";
  c.fillStyle = look.grid;
  for (const tick of chart.axes[0]._splits || []) { const x = at.x(tick); if (x >= at.left && x <= at.left + at.width) c.fillRect(Math.round(x), 0, 1, height); }
  const right = at.left + at.width, first = Math.floor(lanes.scrollTop / rowHeight), end = Math.min(rows.length, first + Math.ceil(height / rowHeight) + 1);
  for (let row = first; row < end; row++) {
    const y = row * rowHeight - lanes.scrollTop + 4 + (rowHeight - barHeight) / 2 - 1;
    const list = rows[row], shown = mode === "task" ? list : list.slice(Math.max(0, last(list, (b) => bar(b).end < view[0])), last(list, (b) => bar(b).start <= view[1]) + 1);
    let from = Infinity, to = -Infinity, done = -Infinity;
    c.save(); c.beginPath(); c.rect(at.left, 0, at.width, height); c.clip();
    if (mode === "task") for (const w of data.tasks[list[0][0]].waits) {
      const x0 = at.x(w.from), x1 = at.x(w.to);
      if (x1 < at.left || x0 > right || x1 - x0 < 1) continue;
      c.strokeStyle = w.for === "memory" ? look.warn : look.line; c.lineWidth = 2;
      c.setLineDash(w.for === "memory" ? [] : [2, 3]);
      c.beginPath(); c.moveTo(x0, y + barHeight / 2); c.lineTo(x1, y + barHeight / 2); c.stroke(); c.setLineDash([]);
      from = Math.min(from, x0); to = Math.max(to, x1);
    }
    for (const [i, n] of shown) {
      const a = bar([i, n]), x0 = at.x(a.start), x1 = at.x(a.end);
      if (x1 < at.left || x0 > right || (x1 <= done && i !== chosen)) continue; // nothing of it would be seen
      const fill = drawBar(c, look, i, n, x0, x1, y);
      done = Math.max(done, Math.max(x1, x0 + 1.5));
      from = Math.min(from, x0); to = Math.max(to, x1);
      if (mode === "packed") {
        const text = data.tasks[i].name, v0 = Math.max(x0, at.left), v1 = Math.min(x1, right);
        if (v1 - v0 > 24 && v1 - v0 > c.measureText(text).width + 8) { c.fillStyle = a.frozen || a.status === "stopped" ? look.text : inkOn(c, fill); c.fillText(text, v0 + 4, y + barHeight / 2 + 0.5); }
      }
    }
    c.restore();
    if (mode === "task") label(c, look, list[0][0], from, to, right, y);
  }
}

// label writes a task's name where there is room: behind its bar, before it, or inside.
function label(c, look, i, from, to, right, y) {
  const t = data.tasks[i], text = (isFailure(t.status) ? "✕ " : "") + t.name + "  " + time(t.seconds), w = c.measureText(text).width, { left } = look.scale;
  c.fillStyle = isFailure(t.status) ? look.bad : i === chosen ? look.text : look.faint;
  if (to < left || from > right) return;
  const middle = y + barHeight / 2 + 0.5;
  if (Math.max(to, left) + 6 + w < right + 10) c.fillText(text, Math.max(to, left) + 6, middle);
  else if (from - 6 - w > 2) c.fillText(text, from - 6 - w, middle);
  else {
    const a = t.attempts[t.attempts.length - 1], x = Math.max(look.scale.x(a.start), left) + 5, fill = isFailure(a.status) ? look.fail : look.layers[t.layer];
    c.fillStyle = a.frozen && a.frozen.length ? look.text : inkOn(c, fill);
    c.fillText(x + w < Math.min(to, right) ? text : t.name, x, middle);
  }
}

// under is the attempt at a place in the lanes, or null.
function under(event) {
  const box = canvas.getBoundingClientRect(), at = scale(), row = Math.floor((event.clientY - box.top + lanes.scrollTop - 4) / rowHeight);
  const s = at.s(event.clientX - box.left), slack = (3 * (view[1] - view[0])) / at.width;
  if (!rows[row]) return null;
  const near = rows[row].filter((b) => bar(b).start - slack <= s && s <= bar(b).end + slack);
  near.sort((a, b) => Math.abs(bar(a).start + bar(a).end - 2 * s) - Math.abs(bar(b).start + bar(b).end - 2 * s));
  return near[0] || (mode === "task" ? rows[row][0] : null);
}

function hover(event) {
  const hit = under(event);
  if (!hit) return hideTip();
  const t = data.tasks[hit[0]], a = bar(hit);
  showTip(event.clientX, event.clientY + 12, [
    el("b", {}, t.name), t.attempts.length > 1 && ` (attempt ${hit[1] + 1} of ${t.attempts.length})`, el("br"),
    `${statusText(a.status)}, ${time(a.end - a.start)}: from ${time(a.start)} to ${time(a.end)}`, el("br"),
    a.peak > 0 && `peak ${size(a.peak)}, reserved ${size(a.need)}`,
    t.waited >= 0.01 && el("div", {}, waitText(t)), t.frozen > 0 && el("div", {}, `paused for ${time(t.frozen)}`), a.reason && el("div", {}, a.reason),
  ]);
}

const waitText = (t) => {
  const long = t.waits.reduce((a, b) => (b.to - b.from > a.to - a.from ? b : a));
  return `waited ${time(t.waited)}` + (causes[long.for] ? " for " + causes[long.for] : "");
};

// choose shows all about a task below the lanes, and marks it in them; null shows none.
function choose(i) {
  chosen = i;
  const box = byID("chosen");
  if (i === null) { box.replaceChildren(); drawLanes(); return; }
  const t = data.tasks[i], facts = el("dl");
  const fact = (name, ...value) => facts.append(el("dt", {}, name), el("dd", {}, ...value));
  const names = (list) => list.slice(0, 12).map((n) => data.tasks[n].name).join(", ") + (list.length > 12 ? ` and ${list.length - 12} more` : "");
  fact("Status", statusMark(t.status), t.because ? ` (${t.because} failed)` : "");
  if (t.known) fact("Known", `the result of an earlier run, which took ${time(t.known.seconds)} and ${size(t.known.peak)}`);
  t.attempts.forEach((a, n) => {
    if (t.attempts.length > 1) fact(`Attempt ${n + 1}`, statusMark(a.status));
    fact("Time", `${time(a.end - a.start)}, from ${time(a.start)} to ${time(a.end)}`, a.frozen ? `; paused for ${time(sum(a.frozen.map((f) => f[1] - f[0])))}` : "");
    if (a.status !== "not ended") fact("Processor", `${time(a.cpu)}` + (a.end > a.start ? `, ${(a.cpu / (a.end - a.start)).toFixed(2)} processors on average` : ""));
    fact("Memory", a.status !== "not ended" ? `peak ${size(a.peak)}, ` : "", `reserved ${size(a.need)}` + (a.basis ? ` (${a.basis})` : ""), a.heapLimit ? `, heap limit ${size(a.heapLimit)}` : "");
    if (a.because) fact("Ran because", a.because);
    if (a.reason) fact("Reason", a.reason);
    if (a.hint) fact("What to do", a.hint);
    if (a.log) fact("Output", el("code", {}, a.log));
  });
  if (t.waited >= 0.01) fact("Wait", waitText(t));
  if (t.after.length) fact("Comes after", names(t.after));
  const behind = data.tasks.map((o, n) => n).filter((n) => data.tasks[n].after.includes(i));
  if (behind.length) fact("Comes before", names(behind));
  box.replaceChildren(el("h3", {}, t.name, t.name !== t.id ? el("span", { class: "faint" }, ` ${t.id}`) : ""), facts);
  const row = rowOf.get(i);
  if (row !== undefined && (row * rowHeight < lanes.scrollTop || (row + 1) * rowHeight > lanes.scrollTop + lanes.clientHeight)) lanes.scrollTop = (row + 0.5) * rowHeight - lanes.clientHeight / 2;
  drawLanes();
}

// moveChoice goes to the next task in the order of their start, or by row.
function moveChoice(key) {
  if (ran.length === 0) return;
  const step = key === "ArrowDown" || key === "ArrowRight" ? 1 : -1, now = ran.indexOf(chosen);
  choose(ran[now < 0 ? 0 : Math.min(Math.max(0, now + step), ran.length - 1)]);
}

function laneSigns() {
  const list = byID("signs"), one = (text, draw, kind) => list.append(el("li", { class: kind }, sign(draw), text));
  const attempts = data.tasks.flatMap((t) => t.attempts), waits = data.tasks.flatMap((t) => t.waits);
  const stroke = (c, token, dash) => { c.strokeStyle = colour(token); c.lineWidth = 2; c.setLineDash(dash); c.beginPath(); c.moveTo(0, 7); c.lineTo(14, 7); c.stroke(); };
  if (waits.some((w) => w.for === "memory")) one("waits for memory", (c) => stroke(c, "warning", []), "wait");
  if (waits.some((w) => w.for !== "memory")) one("waits for something else", (c) => stroke(c, "others", [2, 3]), "wait");
  if (attempts.some((a) => a.frozen)) one("paused", (c) => { c.strokeStyle = colour("l0"); c.lineWidth = 1.5; hatch(c, 0, 2, 14, 10, 5); });
  if (attempts.some((a) => a.status === "stopped")) one("stopped", (c) => { c.strokeStyle = colour("l0"); c.lineWidth = 1.5; c.setLineDash([]); c.strokeRect(1, 3, 12, 8); });
  if (attempts.some((a) => isFailure(a.status))) one("failed", (c) => { c.fillStyle = colour("fail"); c.fillRect(0, 2, 14, 10); });
  if (data.path.length > 1) one("critical path", (c) => { c.fillStyle = colour("text"); c.fillRect(0, 6, 14, 2); });
  const unseen = data.tasks.length - ran.length;
  if (unseen > 0) list.append(el("li", {}, `${unseen} did not run`));
}
