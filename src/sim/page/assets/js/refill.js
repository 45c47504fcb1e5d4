// Redraws a place that holds blocks without taking the focus from the control somebody is using.

export function refill(host, ...children) {
  const focused = host.contains(document.activeElement) ? document.activeElement : null;
  const { scrollTop } = host;
  const key = focused?.dataset.action;
  const caret = focused && "selectionStart" in focused ? focused.selectionStart : null;
  host.replaceChildren(...children);
  host.scrollTop = scrollTop;
  const again = key && host.querySelector(`[data-action="${CSS.escape(key)}"]`);
  if (!again) return;
  again.focus({ preventScroll: true });
  if (caret !== null && again.setSelectionRange && /^(text|textarea|url)$/.test(again.type)) again.setSelectionRange(caret, caret);
}
