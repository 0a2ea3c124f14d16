"use strict";

/* Draws each figure when it comes into view, and all of them for paper. */
(() => {
  const PAPER = 670; // CSS pixels between the margins of a portrait page
  const GAP = 16;
  const labels = JSON.parse(document.getElementById("labels").textContent);
  const coarse = matchMedia("(pointer: coarse)").matches;
  const plots = [...document.querySelectorAll(".plot")];
  const config = { displayModeBar: false, displaylogo: false, responsive: true };

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
    if (plot.dataset.drawn) return;
    plot.dataset.drawn = "yes";
    const figure = JSON.parse(document.getElementById(`${plot.id}-data`).textContent);
    // A finger scrolls the page; only a mouse marks what to enlarge.
    figure.layout.dragmode = coarse ? false : "zoom";
    Plotly.newPlot(plot, figure.data.map(describe), figure.layout, config);
  }

  const seen = new IntersectionObserver(
    (entries) => {
      for (const entry of entries) {
        if (!entry.isIntersecting) continue;
        seen.unobserve(entry.target);
        draw(entry.target);
      }
    },
    { rootMargin: "400px" },
  );
  plots.forEach((plot) => seen.observe(plot));

  addEventListener("beforeprint", () => {
    for (const plot of plots) {
      draw(plot);
      const columns = plot.closest(".grid") ? 2 : 1;
      Plotly.relayout(plot, { width: (PAPER - GAP * (columns - 1)) / columns });
    }
  });
  addEventListener("afterprint", () => {
    plots.forEach((plot) => Plotly.relayout(plot, { width: null, autosize: true }));
  });
})();
