/** The extension's side of a webview, typed: messages in, messages out, and the state VS Code keeps for the panel. */

import { isMessage, type Handlers, type Message, type SubjectMessage } from '../server/shared/panel-protocol';

declare function acquireVsCodeApi(): {
  postMessage(message: unknown): void;
  getState(): unknown;
  setState(state: unknown): void;
};

/** Panel side of the connection. `State` must survive JSON. */
export interface Host<To extends Message, From, State extends object> {
  post(message: From): void;
  /** What the panel remembers: a hidden panel is destroyed, a reloaded window too, and built again from this. */
  readonly state: Readonly<State>;
  /** Changes part of the state and stores it. */
  remember(change: Partial<State>): void;
  /** Starts listening, then says `ready`; the extension sends nothing before that. */
  listen(handlers: Handlers<To>): void;
}

/**
 * Acquires VS Code's API object, which a webview may acquire only once.
 * @param defaults the state of a new panel; stored values whose type differs (an older version's) are dropped
 */
export function connect<To extends Message, From extends Message, State extends object>(
  defaults: State,
): Host<To, From, State> {
  const api = acquireVsCodeApi();
  const stored = (api.getState() ?? {}) as { subject?: unknown; view?: unknown };
  let { subject } = stored;
  let state = restore(defaults, stored.view);
  const store = (): void => api.setState({ subject, view: state });
  return {
    get state() {
      return state;
    },
    post: (message) => api.postMessage(message),
    remember(change) {
      state = { ...state, ...change };
      store();
    },
    listen(handlers) {
      window.addEventListener('message', ({ data }: MessageEvent<unknown>) => {
        if (!isMessage(data)) return;
        if (data.type === 'subject') {
          ({ subject } = data as SubjectMessage);
          store();
        }
        if (!Object.hasOwn(handlers, data.type)) return;
        void (handlers as Record<string, (message: unknown) => Promise<void> | void>)[data.type]?.(data);
      });
      api.postMessage({ type: 'ready' });
    },
  };
}

/** The stored values where they are of the default's type, else the defaults. */
function restore<State extends object>(defaults: State, stored: unknown): State {
  if (typeof stored !== 'object' || stored === null) return defaults;
  const usable = Object.entries(stored).filter(
    ([key, value]) => Object.hasOwn(defaults, key) && typeof value === typeof defaults[key as keyof State],
  );
  return { ...defaults, ...(Object.fromEntries(usable) as Partial<State>) };
}
