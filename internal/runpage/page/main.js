// Puts the page together, and draws again when its size or its colours change.
head();
failures();
chartTexts();
makeChart();
laneSigns();
pathList();
whatIf();
compareTable();
tasksTable();
notices();
arrange(ran.length <= 40 ? "task" : "packed");

function again() { ink.clear(); makeChart(); signs.forEach((draw) => draw()); drawLanes(); }
new ResizeObserver(() => { if (Math.abs(chart.width - byID("chart").clientWidth) > 1) again(); }).observe(byID("chart"));
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", again);
addEventListener("beforeprint", () => { document.documentElement.classList.add("print"); again(); });
addEventListener("afterprint", () => { document.documentElement.classList.remove("print"); again(); });
byID("reset").addEventListener("click", () => show(...whole));
for (const b of byID("modes").children) b.addEventListener("click", () => arrange(b.dataset.mode));
for (const e of [byID("chart"), lanes]) e.addEventListener("keydown", keys);
lanes.addEventListener("scroll", drawLanes, { passive: true });
lanes.addEventListener("pointermove", hover);
for (const e of [byID("chart"), lanes]) e.addEventListener("pointerleave", hideTip);
lanes.addEventListener("click", (event) => { const hit = under(event); choose(hit ? hit[0] : null); });
