/** How far elements are scrolled, kept in the panel's state. */

/** Scrolling fires at every frame; the state is written once it rests. */
const REST_MS = 150;

/** What of a panel's state and `Host` it takes. */
interface ScrollHost {
  readonly state: { readonly scrollTop: number; readonly scrollLeft: number };
  remember(change: { scrollTop: number; scrollLeft: number }): void;
}

/**
 * Keeps how far an element is scrolled.
 * @returns scrolls it there: to be called whenever its content was shown. Only the first call does anything, and only from then
 *   on is its place kept, because an empty element is at 0.
 */
export function keepScroll(element: HTMLElement, host: ScrollHost): () => void {
  let rest = 0;
  let restored = false;
  const store = (): void => host.remember({ scrollTop: element.scrollTop, scrollLeft: element.scrollLeft });
  return () => {
    if (restored) return;
    restored = true;
    element.scrollTop = host.state.scrollTop;
    element.scrollLeft = host.state.scrollLeft;
    const later = (): void => {
      clearTimeout(rest);
      rest = setTimeout(store, REST_MS);
    };
    element.addEventListener('scroll', later, { passive: true });
  };
}
