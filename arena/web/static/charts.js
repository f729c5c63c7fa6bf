// Draws the figures of the page with Plotly: their data stand in <script type="application/json" id="ag-figures">.
(() => {
  "use strict";
  const source = document.getElementById("ag-figures");
  if (!source || !window.Plotly) return;
  const narrow = matchMedia("(max-width: 820px)");

  // "var(--accent)" becomes the colour of the theme; everything else stays.
  const coloured = (value, style) => {
    if (typeof value === "string") {
      const name = /^var\((--[\w-]+)\)$/.exec(value);
      return name ? style.getPropertyValue(name[1]).trim() : value;
    }
    if (Array.isArray(value)) return value.map((part) => coloured(part, style));
    if (value && typeof value === "object") {
      return Object.fromEntries(Object.entries(value).map(([key, part]) => [key, coloured(part, style)]));
    }
    return value;
  };

  // Long names would leave no room for the drawing; the table has them in full.
  const shortened = (text) => {
    const most = narrow.matches ? 13 : 26;
    const characters = [...text.replace(/&(amp|lt|gt);/g, (_, name) => ({ amp: "&", lt: "<", gt: ">" })[name])];
    const kept = characters.length > most ? [...characters.slice(0, most - 1), "…"] : characters;
    return kept.join("").replace(/[&<>]/g, (mark) => ({ "&": "&amp;", "<": "&lt;", ">": "&gt;" })[mark]);
  };

  const fitted = (figure) => {
    for (const axis of [figure.layout.xaxis, figure.layout.yaxis]) {
      if (axis.ticktext) axis.ticktext = axis.ticktext.map(shortened);
    }
    if (!narrow.matches) return figure;
    for (const trace of figure.data.filter((trace) => trace.mode === "text")) {
      trace.textfont.size = 11;
      if (figure.layout.yaxis.tickvals.length <= 9) continue;
      trace.mode = "markers"; // no room for figures: a touch shows them, and so does the table
      trace.marker = { opacity: 0, size: 16 };
    }
    if (figure.layout.xaxis.tickangle) figure.layout.xaxis.tickangle = -90;
    return figure;
  };

  const draw = () => {
    const style = getComputedStyle(document.body);
    for (const [name, figure] of Object.entries(JSON.parse(source.textContent))) {
      const element = document.getElementById(name);
      if (!element) continue;
      const { data, layout } = fitted(coloured(figure, style));
      Plotly.react(element, data, layout, { displayModeBar: false, responsive: true });
    }
  };

  draw();
  document.addEventListener("ag-theme", draw);
  narrow.addEventListener("change", draw);
})();
