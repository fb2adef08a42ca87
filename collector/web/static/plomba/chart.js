// One chart of what the agent measures. Figures come as JSON; the reader chooses which line to see.
(() => {
  const box = document.querySelector("[data-chart]");
  if (!box) return;
  const choice = document.querySelector("[data-chart-choice]");
  const zone = box.dataset.zone;
  let plot = null;
  let data = null;

  const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

  function draw() {
    plot?.destroy();
    plot = null;
    const line = data?.series.find((one) => one.name === choice.value);
    if (!line) return;
    const axis = { stroke: colour("--soft"), grid: { stroke: colour("--line"), width: 1 }, ticks: { stroke: colour("--line"), width: 1 }, font: "12px system-ui, sans-serif" };
    plot = new uPlot({
      width: box.clientWidth, height: 190, tzDate: (ts) => uPlot.tzDate(new Date(ts * 1000), zone),
      legend: { show: true, live: true }, cursor: { points: { size: 7 } },
      series: [{ label: box.dataset.time, value: "{DD}.{MM}.{YYYY} {HH}:{mm}" }, { label: line.label, stroke: colour("--accent"), fill: colour("--accent") + "1f", width: 2, spanGaps: false, points: { show: line.values.length < 40 } }],
      axes: [{ ...axis, values: [[86400, "{DD}.{MM}.", null, null, null, null, null, null, 1], [3600, "{HH}:{mm}", "\n{DD}.{MM}.", null, "\n{DD}.{MM}.", null, null, null, 1], [1, "{HH}:{mm}", "\n{DD}.{MM}.", null, "\n{DD}.{MM}.", null, null, null, 1]] }, { ...axis, size: 56, values: (_u, ticks) => ticks.map((tick) => Intl.NumberFormat(document.documentElement.lang, { notation: "compact", maximumFractionDigits: 1 }).format(tick)) }],
    }, [data.times, line.values], box);
  }

  async function load() {
    const answer = await fetch(box.dataset.chart, { headers: { Accept: "application/json" } });
    if (!answer.ok) return;
    data = await answer.json();
    document.querySelector(box.dataset.empty).hidden = data.series.length > 0;
    choice.hidden = data.series.length === 0;
    const chosen = choice.value;
    choice.replaceChildren(...data.series.map((one) => new Option(one.label, one.name, false, one.name === chosen)));
    draw();
  }

  choice.addEventListener("change", draw);
  document.addEventListener("plomba:theme", draw);
  new ResizeObserver(() => plot?.setSize({ width: box.clientWidth, height: 190 })).observe(box);
  document.addEventListener("htmx:sseMessage", (event) => { if (event.detail.type === "samples") load(); });
  setInterval(load, 60000);
  load();
})();
