// A table that is wider than the screen scrolls; the keyboard must reach it (WCAG 2.2, 2.1.1). The theme wraps tables after the
// page is there.
const reach = () => {
  for (const [number, region] of document.querySelectorAll(".md-typeset__scrollwrap").entries()) {
    if (region.tabIndex === 0) continue;
    region.tabIndex = 0;
    region.setAttribute("role", "region");
    region.setAttribute("aria-label", `Table ${number + 1}`);
  }
  // Around the button that copies a block of code, the theme puts a landmark for navigation without a name, which it is not.
  for (const bar of document.querySelectorAll(".md-code__nav:not([role])")) bar.setAttribute("role", "none");
};
new MutationObserver(reach).observe(document.body, { childList: true, subtree: true });
reach();
