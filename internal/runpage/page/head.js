// The head: what ran, how it ended, and the totals.
function head() {
  const target = run.target ? run.target[0].toUpperCase() + run.target.slice(1) : "Run";
  const [, tone] = statuses[run.status] || [];
  byID("title").replaceChildren(`${target} of ${run.name} `, el("span", { class: "chip " + (tone || "") }, statusText(run.status)));
  byID("what").append(el("time", { datetime: run.started }, date(run.started)), ` · ${run.mode || "parallel"}`, run.manager ? ` · ${run.manager}` : "", run.cpus ? ` · ${count(Math.round(run.cpus * 100) / 100, "processor")}` : "", " · run ", el("code", {}, run.id));
  const t = run.totals, figures = byID("figures");
  const figure = (name, value, ...small) => figures.append(el("div", {}, el("dt", {}, name), el("dd", {}, value, small.filter(Boolean).map((s) => el("small", {}, s)))));
  figure("Time", time(t.seconds), t.saved > 0 && `${time(t.saved)} saved by known results`, data.steps.length > 0 && `and ${time(sum(data.steps.map((s) => s.to - s.from)))} of installation`);
  figure("Peak", size(t.peak), `${percent(t.peak, run.budget)} of the budget of ${size(run.budget)}`, run.source);
  const parts = [t.known && `${t.known} known from before`, t.skipped && `${t.skipped} skipped`];
  figure("Packages", t.failed ? `${t.failed} failed` : `${t.succeeded} succeeded`, t.failed && `${t.succeeded} succeeded`, ...parts);
  if (t.bound > 0 && t.succeeded - t.known > 1) figure("Best possible", time(t.bound), `took ${(t.tasks / t.bound).toFixed(2)} times as long`, "set by " + ({ processors: "processor time", memory: "memory", order: "the longest chain", concurrency: "the concurrency", serial: "one at a time" }[t.boundBy] || t.boundBy));
  const waited = sum(data.tasks.flatMap((k) => k.waits).filter((w) => w.for === "memory").map((w) => w.to - w.from));
  if (waited >= 0.5) figure("Waited for memory", time(waited), "all packages together");
  const corrections = [t.pauses && count(t.pauses, "pause"), t.retries && count(t.retries, "further attempt"), t.collections && count(t.collections, "garbage collection")].filter(Boolean);
  if (corrections.length) figure("Short of memory", corrections[0], ...corrections.slice(1));
  byID("lines").append(...(run.lines || []).map((l) => el("p", {}, l)));
  if (run.damage) byID("lines").append(el("p", { class: "note" }, `The record is damaged, and was read up to there: ${run.damage}`));
  if (run.status === "unfinished") byID("lines").append(el("p", { class: "note" }, "The record has no end: the run was killed, or still lasts."));
}

// The failures, with the lines of their output that tell why.
function failures() {
  const failed = data.tasks.filter((t) => t.attempts.length && isFailure(t.status)), section = byID("failures");
  section.hidden = failed.length === 0;
  for (const t of failed.slice(0, 10)) {
    const a = t.attempts[t.attempts.length - 1];
    const log = a.log && el("code", { class: "faint" }, a.log), bare = !a.excerpt && !a.hint;
    section.append(el("div", { class: "failure" },
      el("p", {}, el("b", {}, t.name), ": ", a.reason || statusText(a.status), bare && log && [" · ", log]),
      a.excerpt && el("pre", { tabindex: 0 }, a.excerpt.join("\n")),
      a.hint && el("p", {}, "What to do: " + a.hint),
      !bare && log && el("p", { class: "faint" }, "Output: ", log)));
  }
  if (failed.length > 10) section.append(el("p", { class: "faint" }, `and ${failed.length - 10} more, in the table below`));
}
