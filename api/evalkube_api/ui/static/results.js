// Pages of results: the arrow keys lead to the samples before and after, and a choice in a form is taken at once.
"use strict";
(() => {
  const typing = (target) => target.closest("input, select, textarea, pre, summary, [tabindex='0'], [contenteditable]");
  addEventListener("keydown", (event) => {
    if (event.defaultPrevented || event.altKey || event.ctrlKey || event.metaKey || event.shiftKey) return;
    const way = { ArrowLeft: ".turns a[rel=prev]", ArrowRight: ".turns a[rel=next]" }[event.key];
    if (!way || typing(event.target)) return;
    const link = document.querySelector(way);
    if (!link) return;
    event.preventDefault();
    link.click();
  });
  addEventListener("change", (event) => {
    const form = event.target.closest("form[data-at-once]");
    if (form && event.target.matches("select")) form.requestSubmit();
  });
})();
