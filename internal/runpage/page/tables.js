// The tables: all packages, the comparison, the critical path, notices.

// sortable makes a table with a button in each head that can be sorted. A column has a name, the value that
// it is sorted by, and its cell. At most `most` rows are shown at first, and a button shows another 500:
// thousands take seconds.
function sortable(caption, columns, all, by, most) {
  let order = by, down = true, shown = most, rows = all;
  const body = el("tbody"), more = el("button", { type: "button", class: "more", onclick: () => { shown += 500; fill(); } });
  const heads = columns.map((c, i) => el("th", { scope: "col", class: c.number ? "number" : "" }, c.value ? el("button", { type: "button", onclick: () => sort(i) }, c.name) : c.name));
  function fill() {
    const c = columns[order], factor = down ? -1 : 1, value = (r) => c.value(r) ?? -Infinity;
    rows.sort((a, b) => (value(a) < value(b) ? -1 : value(a) > value(b) ? 1 : 0) * factor);
    body.replaceChildren(...rows.slice(0, shown).map((r) => el("tr", {}, columns.map((c) => el("td", { class: c.number ? "number" : "" }, c.cell(r))))));
    heads.forEach((h, i) => (i === order ? h.setAttribute("aria-sort", down ? "descending" : "ascending") : h.removeAttribute("aria-sort")));
    more.textContent = rows.length - shown > 500 ? `Show 500 more of ${rows.length}` : `Show all ${rows.length}`; more.hidden = rows.length <= shown;
  }
  function sort(i) { down = order === i ? !down : columns[i].number === true; order = i; fill(); }
  fill();
  return {
    box: el("div", {}, el("div", { class: "box", tabindex: 0, role: "region", "aria-label": caption }, el("table", {}, el("caption", { class: "visually-hidden" }, caption), el("thead", {}, el("tr", {}, heads)), body)), el("p", {}, more)),
    filter(keep) { rows = all.filter(keep); fill(); },
  };
}

function tasksTable() {
  const numbered = data.tasks.map((t, i) => ({ ...t, i })), section = byID("tasks");
  const peaks = Math.max(1, ...data.tasks.map((t) => t.peak || 0)), dash = el("span", { class: "faint" }, "–");
  const or = (v, text) => (v === undefined || v === null ? dash.cloneNode(true) : text(v));
  const peakBar = (t) => {
    if (!t.peak) return "";
    const b = el("span", { class: "bar" });
    b.style.width = Math.max(2, (90 * t.peak) / peaks) + "px";
    b.style.background = isFailure(t.status) ? "var(--fail)" : `var(--${layerColour(t.layer)})`;
    return b;
  };
  const columns = [
    { name: "Package", value: (t) => t.name, cell: (t) => el("span", { class: "name" }, swatch(layerColour(t.layer)), el("button", { type: "button", class: "link", onclick: () => { choose(t.i); byID("chosen").scrollIntoView({ block: "nearest" }); } }, t.name)) },
    { name: "Status", value: (t) => statusText(t.status), cell: (t) => [statusMark(t.status), t.because ? el("span", { class: "faint" }, ` (${t.because} failed)`) : ""] },
    { name: "Peak", number: true, value: (t) => t.peak, cell: (t) => [or(t.peak || undefined, size), peakBar(t)] },
    { name: "Time", number: true, value: (t) => t.seconds, cell: (t) => or(t.seconds, time) },
    { name: "Processor", number: true, value: (t) => t.cpu, cell: (t) => or(t.cpu, time) },
    { name: "Start", number: true, value: (t) => t.start, cell: (t) => or(t.start, time) },
    { name: "Reserved", number: true, value: (t) => t.need, cell: (t) => or(t.need || undefined, size) },
    { name: "Waited", number: true, value: (t) => t.waited, cell: (t) => (t.waited >= 0.01 ? time(t.waited) : dash.cloneNode(true)) },
  ];
  if (data.tasks.some((t) => t.frozen > 0)) columns.push({ name: "Paused", number: true, value: (t) => t.frozen, cell: (t) => (t.frozen > 0 ? time(t.frozen) : dash.cloneNode(true)) });
  if (data.tasks.some((t) => t.attempts.length > 1)) columns.push({ name: "Attempts", number: true, value: (t) => t.attempts.length, cell: (t) => t.attempts.length || dash.cloneNode(true) });
  if (data.tasks.some((t) => t.known)) columns.push({ name: "Saved", number: true, value: (t) => t.known && t.known.seconds, cell: (t) => or(t.known && t.known.seconds, time) });
  const table = sortable("All packages", columns, numbered, 2, 30);
  if (data.tasks.length > 15) {
    const found = el("output", { for: "filter", class: "faint" }), filter = el("input", { type: "search", id: "filter", autocomplete: "off", spellcheck: "false", placeholder: "package or status" });
    filter.addEventListener("input", () => {
      const text = filter.value.trim().toLowerCase(), keep = (t) => (t.name + " " + t.id + " " + statusText(t.status)).toLowerCase().includes(text);
      table.filter(keep);
      found.textContent = text ? count(numbered.filter(keep).length, "package") : "";
    });
    section.append(el("div", { class: "tools" }, el("label", { for: "filter" }, "Filter"), filter, found));
  }
  section.append(table.box);
}

function pathList() {
  if (data.path.length < 2) return;
  byID("path").hidden = false;
  const links = data.path.map((l, n) => ({ ...l, n, a: data.tasks[l.task].attempts[l.attempt] })), most = 12;
  const total = sum(links.map((l) => l.a.end - l.a.start)), longest = Math.max(...links.map((l) => l.a.end - l.a.start));
  const shown = links.length <= most ? links : [...links].sort((a, b) => b.a.end - b.a.start - (a.a.end - a.a.start)).slice(0, most).sort((a, b) => a.n - b.n);
  const why = (l) => {
    if (l.n === 0) return "";
    const before = data.tasks[links[l.n - 1].task].name;
    return { dependency: `depends on ${before}`, room: `began when ${before} made room`, retry: "tried again" }[l.before] || "";
  };
  byID("path").append(
    el("p", { class: "faint" }, `These ${links.length} set the end of the run: ${time(total)}. A shorter run needs one of them shorter, or more room.` + (shown.length < links.length ? ` Shown are the ${most} longest.` : "")),
    el("ol", { class: "path" }, shown.map((l) => {
      const t = data.tasks[l.task], b = el("span", { class: "bar" });
      b.style.width = (100 * (l.a.end - l.a.start)) / Math.max(longest, 0.001) + "%";
      b.style.background = isFailure(l.a.status) ? "var(--fail)" : `var(--${layerColour(t.layer)})`;
      return el("li", {}, el("span", {}, t.name), el("span", { class: "number" }, time(l.a.end - l.a.start)), el("span", { class: "track" }, b), el("span", { class: "faint" }, why(l)));
    })));
}

function whatIf() {
  if (!data.whatIf || data.whatIf.length === 0) return;
  byID("what-if").hidden = false;
  const base = (data.whatIf.find((w) => w.change === "") || { seconds: run.totals.tasks }).seconds;
  byID("what-if").append(el("p", { class: "faint" }, "Expected times of the packages, from a simulation of this run."),
    el("div", { class: "box", tabindex: 0, role: "region", "aria-label": "What would make this faster" }, el("table", {}, el("thead", {}, el("tr", {}, el("th", { scope: "col" }, "With"), el("th", { scope: "col", class: "number" }, "Time"), el("th", { scope: "col", class: "number" }, "Change"))),
      el("tbody", {}, data.whatIf.map((w) => el("tr", {}, el("td", {}, w.change || "what it had"), el("td", { class: "number" }, w.seconds ? time(w.seconds) : "–"), el("td", { class: "number" }, w.change && w.seconds ? signed(w.seconds - base, time) : "")))))));
}

function compareTable() {
  const c = data.compare;
  if (!c) return;
  const section = byID("compare"), was = c.run, a = was.totals, b = run.totals;
  section.hidden = false;
  section.append(el("p", { class: "faint" }, "Before: run ", el("code", {}, was.id), `, ${was.target}, ${statusText(was.status)}, ${date(was.started)}. After: this run. The chart has the usage of the run before as a dashed line.`));
  // change is a difference, in colour if more is worse and it is more than runs differ anyway.
  const change = (x, y, text, noise) => {
    if (x === y) return el("span", { class: "faint" }, "same");
    const tone = noise === undefined ? "" : Math.abs(y - x) < Math.max(noise, 0.03 * x) ? "faint" : y > x ? "bad" : "good";
    return el("span", { class: tone }, signed(y - x, text), x > 0 && ` (${signed(Math.round((100 * (y - x)) / x), (n) => n + " %")})`);
  };
  const total = (name, x, y, text, noise) => (x > 0 || y > 0) && el("tr", {}, el("th", { scope: "row" }, name), el("td", { class: "number" }, text(x)), el("td", { class: "number" }, text(y)), el("td", { class: "number" }, change(x, y, text, noise)));
  const plain = (n) => String(n);
  section.append(el("div", { class: "box", tabindex: 0, role: "region", "aria-label": "Totals of both runs" }, el("table", { id: "totals" }, el("thead", {}, el("tr", {}, el("td"), ["Before", "After", "Change"].map((h) => el("th", { scope: "col", class: "number" }, h)))),
    el("tbody", {}, total("Time", a.seconds, b.seconds, time, 1), total("Peak", a.peak, b.peak, size, 20 * MB), total("Budget", was.budget, run.budget, size), total("Succeeded", a.succeeded, b.succeeded, plain), total("Known from before", a.known, b.known, plain), total("Failed", a.failed, b.failed, plain), total("Further attempts", a.retries, b.retries, plain), total("Pauses", a.pauses, b.pauses, plain)))));
  const both = (t, key) => t.was && t.is && t.was[key] > 0 && t.is[key] > 0;
  const cell = (m, key, text) => (!m ? el("span", { class: "faint" }, "not there") : m[key] > 0 ? text(m[key]) : el("span", { class: "faint" }, statusText(m.status)));
  const columns = [{ name: "Package", value: (t) => t.name, cell: (t) => t.name }];
  for (const [name, key, text, noise] of [["Peak", "peak", size, 20 * MB], ["Time", "seconds", time, 1]])
    columns.push(
      { name: `${name} before`, number: true, value: (t) => t.was && t.was[key], cell: (t) => cell(t.was, key, text) },
      { name: "after", number: true, value: (t) => t.is && t.is[key], cell: (t) => cell(t.is, key, text) },
      { name: "change", number: true, value: (t) => (both(t, key) ? Math.abs(t.is[key] - t.was[key]) : undefined), cell: (t) => (both(t, key) ? change(t.was[key], t.is[key], text, noise) : "") });
  section.append(el("h3", {}, "By package"), sortable("Packages in both runs, by the change of their peaks", columns, c.tasks, 3, 30).box);
}

function notices() {
  if (data.notices.length === 0) return;
  byID("notices").hidden = false;
  byID("notices").append(el("ul", { class: "notices" }, data.notices.slice(0, 200).map((n) => el("li", {}, el("span", { class: "faint" }, time(n.at)), el("span", {}, (n.task ? n.task + ": " : "") + n.text, n.hint ? el("span", { class: "faint" }, " – " + n.hint) : "")))));
}
