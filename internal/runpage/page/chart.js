// The usage over time: packages on top of each other, under the budget.
const usage = data.usage, other = data.compare;
const whole = [0, Math.max(run.seconds, other ? other.run.seconds : 0, 0.001)];
let view = [...whole]; // the part of the run that is shown, in seconds
let chart = null, narrow = false;
const gutter = () => (narrow ? 54 : 68);
const peakAt = usage.usage.indexOf(Math.max(...usage.usage));
const budgetFar = usage.usage.length > 0 && usage.usage[peakAt] < 0.3 * Math.max(...usage.budget);
const shapes = { gc: "garbage collection", pause: "paused", stop: "stopped", death: "out of memory" };

// sampleAt is the sample at a time, or the one before it.
const sampleAt = (s) => Math.max(0, last(usage.at, (t) => t <= s));

// ceiling is the upper end of the chart, in bytes.
function ceiling() {
  const most = Math.max(1, ...usage.usage, ...(other ? other.usage : [0]));
  return budgetFar && !byID("whole").checked ? most * 1.15 : Math.max(most * 1.05, ...usage.budget.map((b) => b * 1.06));
}

// stacked are the columns for uPlot: the highest stack first, so that lower ones are drawn over it.
function columns() {
  const stacks = [];
  let below = usage.at.map(() => 0);
  for (const layer of [...usage.layers.keys()].reverse().sort((a, b) => rank(a) - rank(b))) {
    below = below.map((b, i) => b + usage.layers[layer].usage[i]);
    stacks.unshift({ layer, values: below });
  }
  return stacks;
}
// rank puts heapmage itself and the small packages at the bottom, where they are even.
const rank = (i) => ({ own: 0, others: 1 })[usage.layers[i].kind] ?? 2;

function drawShape(c, kind, x, y, r) {
  c.beginPath();
  if (kind === "gc") { c.moveTo(x - r, y - r); c.lineTo(x + r, y - r); c.lineTo(x, y + r); c.closePath(); c.fill(); }
  else if (kind === "pause") { c.fillRect(x - r, y - r, r * 0.75, 2 * r); c.fillRect(x + r * 0.25, y - r, r * 0.75, 2 * r); }
  else if (kind === "stop") c.fillRect(x - r * 0.9, y - r * 0.9, 1.8 * r, 1.8 * r);
  else { c.lineWidth = r * 0.6; c.moveTo(x - r, y - r); c.lineTo(x + r, y + r); c.moveTo(x + r, y - r); c.lineTo(x - r, y + r); c.stroke(); }
}
const shapeColour = (kind) => colour({ gc: "good", pause: "accent", stop: "warn", death: "bad" }[kind]);

// Above the plot stand the marks of what was done about memory; inside, the names of the lines.
function drawMarks(u) {
  const c = u.ctx, ratio = devicePixelRatio, { left, top, width } = u.bbox;
  c.save();
  const marks = data.marks.filter((m) => m.at >= view[0] && m.at <= view[1]);
  for (const m of marks) {
    const x = u.valToPos(m.at, "x", true);
    c.fillStyle = c.strokeStyle = shapeColour(m.kind);
    if (marks.length <= 80) { c.globalAlpha = 0.45; c.fillRect(x - ratio / 2, top, ratio, u.bbox.height); c.globalAlpha = 1; }
    drawShape(c, m.kind, x, top - 9 * ratio, 4 * ratio);
  }
  c.font = `${11.5 * ratio}px system-ui, sans-serif`;
  c.textAlign = "right"; c.textBaseline = "alphabetic";
  let above = -Infinity; // where the last name stands
  const name = (text, value, token) => {
    const y = u.valToPos(value, "y", true) - 4 * ratio;
    if (value <= 0 || y < top + 8 * ratio || y - above < 18 * ratio) return;
    above = y;
    const x = left + width - 4 * ratio, w = c.measureText(text).width;
    c.fillStyle = colour("page"); c.globalAlpha = 0.85; c.fillRect(x - w - 3 * ratio, y - 10.5 * ratio, w + 6 * ratio, 13 * ratio); c.globalAlpha = 1;
    c.fillStyle = colour(token); c.fillText(text, x, y);
  };
  const budget = usage.budget[sampleAt(view[1])] || 0;
  if (u.scales.y.max >= budget) {
    name("budget " + size(budget), budget, "budget");
    name(`critical ${Math.round(100 * data.critical)} %`, data.critical * budget, "critical");
    name(`warning ${Math.round(100 * data.warning)} %`, data.warning * budget, "warning");
  }
  c.restore();
}

function makeChart() {
  const box = byID("chart");
  if (chart) chart.destroy();
  narrow = box.clientWidth < 560;
  const stacks = columns(), line = (token, width, dash) => ({ stroke: () => colour(token), width, dash, points: { show: false }, spanGaps: true });
  const series = [{}], values = [usage.at];
  for (const s of stacks) {
    series.push({ stroke: () => colour("page"), width: 0.5, fill: () => colour(layerColour(s.layer)), points: { show: false }, spanGaps: true });
    values.push(s.values);
  }
  series.push(line("warning", 1, [2, 4]), line("critical", 1, [2, 4]), line("budget", 1.5));
  values.push(usage.budget.map((b) => b * data.warning), usage.budget.map((b) => b * data.critical), usage.budget);
  let table = values;
  if (other) {
    series.push(line("other-run", 2, [6, 4]));
    table = uPlot.join([values, [other.at, other.usage]]);
  }
  const axis = { stroke: () => colour("faint"), font: "12px system-ui, sans-serif", grid: { stroke: () => colour("grid"), width: 1 }, ticks: { show: false } };
  const steps = [];
  for (let b = MB; b <= 4096 * GB; b *= 2) steps.push(b);
  const seconds = [0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 28800, 86400];
  chart = new uPlot({
    width: box.clientWidth, height: narrow ? 240 : 290, padding: [20, 12, 0, 0], legend: { show: false },
    cursor: { y: false, points: { show: false }, drag: { x: true, y: false, setScale: false } },
    scales: { x: { time: false, range: () => view }, y: { range: () => [0, ceiling()] } },
    axes: [
      { ...axis, size: 30, incrs: seconds, space: narrow ? 60 : 80, values: (u, ticks, a, space, step) => ticks.map((s) => clock(s, step)) },
      { ...axis, size: gutter(), incrs: steps, space: 40, values: (u, ticks) => ticks.map((b) => (b === 0 ? "0" : b < GB ? b / MB + " MB" : b / GB + " GB")) },
    ],
    series,
    hooks: {
      draw: [drawMarks],
      setSelect: [(u) => {
        if (u.select.width < 4) return;
        show(u.posToVal(u.select.left, "x"), u.posToVal(u.select.left + u.select.width, "x"));
        u.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
      }],
      setCursor: [(u) => pointAt(u)],
    },
  }, table, box);
}

// clock is a time on the axis, with as many digits as its steps need.
function clock(s, step) {
  const two = (n) => String(n).padStart(2, "0");
  if (whole[1] < 120) return (step < 1 ? s.toFixed(step < 0.1 ? 2 : 1) : s) + " s";
  if (whole[1] < 7200) return `${Math.floor(s / 60)}:${two(step < 1 ? (s % 60).toFixed(1) : Math.round(s % 60))}`;
  return `${Math.floor(s / 3600)}:${two(Math.floor((s % 3600) / 60))}` + (step < 60 ? ":" + two(Math.round(s % 60)) : "") + " h";
}

// show sets the part of the run that is shown.
function show(from, to) {
  const least = whole[1] / 5000, width = Math.min(Math.max(to - from, least), whole[1]);
  from = Math.min(Math.max(0, from), whole[1] - width);
  view = [from, from + width];
  byID("reset").hidden = width >= whole[1] * 0.999;
  chart.setScale("x", { min: view[0], max: view[1] });
  drawLanes();
}

// about is what the usage was at a time: rows of a name, a size and a layer.
function usageAt(s) {
  const i = sampleAt(s);
  const rows = usage.layers.map((l, n) => [l.name, l.usage[i], n]).filter((r) => r[1] > 0).sort((a, b) => b[1] - a[1]);
  return { at: usage.at[i], usage: usage.usage[i], budget: usage.budget[i], rows };
}

function pointAt(u) {
  if (!(u.cursor.left >= 0) || usage.at.length === 0) return hideTip();
  const s = u.posToVal(u.cursor.left, "x"), now = usageAt(s), box = u.over.getBoundingClientRect();
  const near = data.marks.filter((m) => Math.abs(u.valToPos(m.at, "x") - u.cursor.left) < 6).slice(0, 5);
  const past = other && other.at.length > 0 ? other.usage[Math.max(0, last(other.at, (t) => t <= s))] : undefined;
  showTip(box.left + u.cursor.left, box.top + 12, [
    el("b", {}, `${time(now.at)}: ${size(now.usage)}`), ` of ${size(now.budget)} (${percent(now.usage, now.budget)})`,
    el("table", {}, now.rows.slice(0, 9).map(([name, b, n]) => el("tr", {}, el("td", {}, swatch(layerColour(n)), " " + name), el("td", {}, size(b)))),
      past !== undefined && el("tr", {}, el("td", {}, "the other run"), el("td", {}, size(past)))),
    ...near.map((m) => el("div", {}, `${time(m.at)}: ${m.text}`)),
  ]);
}

function showTip(x, y, children) {
  const tip = byID("tip");
  tip.replaceChildren(...children.filter(Boolean));
  tip.hidden = false;
  const w = tip.offsetWidth, h = tip.offsetHeight;
  tip.style.transform = `translate(${Math.round(x + w + 24 > innerWidth ? Math.max(4, x - w - 14) : x + 14)}px, ${Math.round(Math.min(y, innerHeight - h - 6))}px)`;
}
function hideTip() { byID("tip").hidden = true; }

// The keys of chart and lanes.
function keys(event) {
  const width = view[1] - view[0], middle = (view[0] + view[1]) / 2;
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  const zoom = (factor) => show(middle - (width * factor) / 2, middle + (width * factor) / 2);
  if (event.key === "+" || event.key === "=") zoom(0.5);
  else if (event.key === "-" || event.key === "−") zoom(2);
  else if (event.key === "0") show(...whole);
  else if (event.key === "Escape") { hideTip(); chart.setCursor({ left: -10, top: -10 }); choose(null); }
  else if ((event.key === "ArrowLeft" || event.key === "ArrowRight") && event.currentTarget.id === "chart") moveCursor(event.key === "ArrowRight" ? 1 : -1);
  else if (event.key.startsWith("Arrow") && event.currentTarget.id === "lanes") moveChoice(event.key);
  else return;
  event.preventDefault();
}

// moveCursor goes to the next place at which the chart has another point.
function moveCursor(step) {
  const width = chart.bbox.width / devicePixelRatio, shown = chart.cursor.left >= 0 ? chart.cursor.left : step > 0 ? 0 : width;
  let to = shown + step * Math.max(3, width / 100);
  if (to < 0 || to > width) {
    show(view[0] + (step * (view[1] - view[0])) / 4, view[1] + (step * (view[1] - view[0])) / 4);
    to = Math.min(Math.max(0, to), width);
  }
  chart.setCursor({ left: to, top: 20 });
  const now = usageAt(chart.posToVal(to, "x"));
  byID("chosen").replaceChildren(el("p", { class: "visually-hidden" }, `${time(now.at)}: ${size(now.usage)}, ${now.rows.slice(0, 3).map(([name, b]) => `${name} ${size(b)}`).join(", ")}`));
}

function chartTexts() {
  const u = usage;
  if (u.at.length === 0) {
    byID("summary").append("The record has no measurements.");
    return;
  }
  const peak = usageAt(u.at[peakAt]);
  byID("summary").append(`At ${time(peak.at)} the usage was highest: ${size(peak.usage)}, ${percent(peak.usage, peak.budget)} of the budget. `,
    peak.rows.length > 1 ? `Most of it was ${peak.rows.slice(0, 2).map(([name, b]) => `${name} (${size(b)})`).join(" and ")}. ` : "");
  byID("chart").setAttribute("aria-label", "Usage over time. " + byID("summary").textContent);
  if (budgetFar) {
    byID("whole-label").hidden = false;
    byID("whole").addEventListener("change", () => chart.redraw(true, true));
  }
  const legend = byID("legend");
  usage.layers.forEach((l, n) => Math.max(...l.usage) > 0 && legend.append(el("li", {}, swatch(layerColour(n)), l.name)));
  if (other) legend.append(el("li", {}, "╍ run ", other.run.id));
  for (const kind of Object.keys(shapes)) if (data.marks.some((m) => m.kind === kind)) legend.append(el("li", {}, sign((c) => { c.fillStyle = c.strokeStyle = shapeColour(kind); drawShape(c, kind, 7, 7, 4); }), shapes[kind]));
  byID("numbers").addEventListener("toggle", numbers, { once: true });
}

// numbers is the chart as a table, in at most 60 rows: the highest usage of each part of the run.
function numbers() {
  const rows = [], each = Math.ceil(usage.at.length / 60);
  for (let i = 0; i < usage.at.length; i += each) {
    let most = i;
    for (let n = i; n < Math.min(i + each, usage.at.length); n++) if (usage.usage[n] > usage.usage[most]) most = n;
    const now = usageAt(usage.at[most]);
    rows.push(el("tr", {}, el("td", { class: "number" }, time(now.at)), el("td", { class: "number" }, size(now.usage)), el("td", { class: "number" }, size(now.budget)), el("td", {}, now.rows.slice(0, 3).map(([name, b]) => `${name} ${size(b)}`).join(", "))));
  }
  byID("numbers").querySelector(".box").append(el("table", {}, el("thead", {}, el("tr", {}, el("th", { class: "number" }, "Time"), el("th", { class: "number" }, "Usage"), el("th", { class: "number" }, "Budget"), el("th", {}, "Largest"))), el("tbody", {}, rows)));
}

// sign is a small drawing for a legend. It is drawn again when colours change.
const signs = [];
function sign(draw) {
  const canvas = el("canvas", { width: 14 * devicePixelRatio, height: 14 * devicePixelRatio, "aria-hidden": "true" });
  canvas.style.width = canvas.style.height = "14px";
  const again = () => {
    const c = canvas.getContext("2d");
    c.setTransform(devicePixelRatio, 0, 0, devicePixelRatio, 0, 0);
    c.clearRect(0, 0, 14, 14);
    draw(c);
  };
  signs.push(again);
  again();
  return canvas;
}
