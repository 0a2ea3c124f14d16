"use strict";

/* Draws all figures at once, since a picture of the whole page may be taken as soon as it is loaded;
   sorts the table of trials. */
(() => {
  const PAPER = 670; // CSS pixels between the margins of a portrait page
  const GAP = 16;
  const FIRST = 50; // rows of a long table
  const MISSING = "–";
  const labels = JSON.parse(document.getElementById("labels").textContent);
  const coarse = matchMedia("(pointer: coarse)").matches;
  const plots = [...document.querySelectorAll(".plot")];
  const config = { displayModeBar: false, displaylogo: false };

  /* A point shows its trial's parameters, which the page holds once, and what it says itself. */
  function describe(trace) {
    if (!trace.customdata) return trace;
    const own = trace.hovertext || [];
    trace.hovertext = trace.customdata.map((trial, place) =>
      [own[place], labels[trial]].filter(Boolean).join("<br>"),
    );
    return trace;
  }

  function draw(plot) {
    const figure = JSON.parse(document.getElementById(`${plot.id}-data`).textContent);
    // A finger scrolls the page; only a mouse marks what to enlarge.
    figure.layout.dragmode = coarse ? false : "zoom";
    Plotly.newPlot(plot, figure.data.map(describe), figure.layout, config);
  }

  plots.forEach(draw);

  /* Drawn twice: by a new width alone Plotly's legends stay where they were, over the bars. */
  async function fit(plot) {
    await Plotly.Plots.resize(plot);
    await Plotly.redraw(plot);
  }

  let width = innerWidth;
  let waiting;
  addEventListener("resize", () => {
    if (innerWidth === width) return;
    width = innerWidth;
    clearTimeout(waiting);
    waiting = setTimeout(() => plots.forEach(fit), 100);
  });

  /* A cell's number or text; what is shown otherwise stands in its <data>. */
  function valueOf(row, column) {
    const known = row.cells[column].querySelector("data");
    return known ? known.value : row.cells[column].textContent.trim();
  }

  /* Numbers by size, texts by the alphabet; what is missing comes last, whatever the direction. */
  function compare(one, other, sign) {
    if (one === MISSING || other === MISSING) return (one === MISSING) - (other === MISSING);
    const [a, b] = [parseFloat(one), parseFloat(other)];
    if (isNaN(a) || isNaN(b)) return sign * one.localeCompare(other);
    return sign * (a - b);
  }

  /* Only the first rows of a long table are shown, until it is asked for the others. */
  function shorten(table) {
    const rows = [...table.tBodies[0].rows];
    if (table.dataset.whole || rows.length <= FIRST) return;
    rows.forEach((row, place) => (row.hidden = place >= FIRST));
    if (table.parentElement.querySelector(".more")) return;
    const button = document.createElement("button");
    button.className = "more";
    button.textContent = `show all ${rows.length}`;
    button.addEventListener("click", () => {
      table.dataset.whole = "yes";
      rows.forEach((row) => (row.hidden = false));
      button.remove();
    });
    table.after(button);
  }

  function sort(table, head, column) {
    const sign = head.ariaSort === "ascending" ? -1 : 1;
    const rows = [...table.tBodies[0].rows];
    const values = new Map(rows.map((row) => [row, valueOf(row, column)]));
    rows.sort((one, other) => compare(values.get(one), values.get(other), sign));
    table.tBodies[0].append(...rows);
    table.querySelectorAll("th[aria-sort]").forEach((other) => other.removeAttribute("aria-sort"));
    head.ariaSort = sign > 0 ? "ascending" : "descending";
    shorten(table);
  }

  for (const table of document.querySelectorAll("table")) {
    const heads = [...table.tHead.rows[0].cells];
    // On a narrow screen each value stands behind its column's name.
    for (const row of table.tBodies[0].rows)
      heads.forEach((head, column) => (row.cells[column].dataset.label = head.textContent));
    if (!table.classList.contains("sortable")) continue;
    heads.forEach((head, column) => {
      const button = document.createElement("button");
      button.append(...head.childNodes);
      button.addEventListener("click", () => sort(table, head, column));
      head.append(button);
    });
    shorten(table);
  }

  addEventListener("beforeprint", () => {
    for (const plot of plots) {
      const columns = plot.closest(".grid") ? 2 : 1;
      Plotly.relayout(plot, { width: (PAPER - GAP * (columns - 1)) / columns });
    }
  });
  addEventListener("afterprint", () => {
    plots.forEach((plot) => Plotly.relayout(plot, { width: null, autosize: true }));
  });
})();
