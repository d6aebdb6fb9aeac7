// Draws every chart of the page from the table beside it, and hides the server's own line.
const number = (cell) => (cell.dataset.value === "" ? null : Number(cell.dataset.value));

const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

const read = (table) => {
  const rows = [...table.tBodies[0].rows];
  const labels = [...table.tHead.rows[0].cells].slice(1).map((cell) => cell.textContent);
  const times = rows.map((row) => Number(row.dataset.at));
  const lines = labels.map((_, at) => rows.map((row) => number(row.cells[at + 1])));
  return { labels, data: [times, ...lines] };
};

const axis = (extra) => ({
  stroke: colour("--soft"),
  grid: { stroke: colour("--line"), width: 1 },
  ticks: { stroke: colour("--line"), width: 1 },
  ...extra,
});

const colours = () => ["--accent", "--warn", "--bad", "--good"].map(colour);

const clock = (days) => (_, stamps) =>
  stamps.map((stamp) => {
    const text = new Date((stamp + 8 * 3600) * 1000).toISOString();
    return days ? text.slice(5, 10) : text.slice(5, 16).replace("T", " ");
  });

const draw = (figure) => {
  const place = figure.querySelector(".plot");
  const { labels, data } = read(figure.querySelector("table"));
  const days = figure.dataset.days === "1";
  const shades = colours();
  const lines = labels.map((label, at) => ({
    label,
    stroke: shades[at % shades.length],
    width: 2,
    dash: at ? [6, 3 * at] : [],
    points: { show: data[0].length < 40, size: 5 },
    value: (_, value) => (value === null || value === undefined ? "—" : String(value)),
  }));
  const when = { label: figure.dataset.when, value: (_, stamp) => (stamp ? clock(days)(0, [stamp])[0] : "—") };
  const height = 200;
  place.textContent = "";
  const chart = new window.uPlot(
    {
      width: place.clientWidth,
      height,
      series: [when, ...lines],
      axes: [axis({ values: clock(days), space: 90 }), axis({ size: 70 })],
      scales: { y: { range: (_, least, most) => [Math.min(0, least || 0), most > 0 ? most * 1.05 : 1] } },
      cursor: { drag: { x: true, y: false } },
    },
    data,
    place,
  );
  return () => chart.setSize({ width: place.clientWidth, height });
};

if (window.uPlot) {
  const figures = [...document.querySelectorAll("figure.chart")];
  let fits = figures.map(draw);
  window.addEventListener("resize", () => fits.forEach((fit) => fit()));
  window.matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
    fits = figures.map(draw);
  });
}
