/** What an event tells beside its type: the fields of docs/events.md, checked by the node that takes it. */
export type SnippetFields = Readonly<{
  item?: string;
  categories?: readonly string[];
  query?: string;
  text?: string;
  value?: number;
  currency?: string;
  peer?: string;
  location?: Readonly<{ lat: number; lon: number }>;
  traits?: Readonly<Record<string, string | number | boolean>>;
  /** Labels by map; with `identify` only. */
  segments?: Readonly<Record<string, string | null>>;
  decision?: string;
}>;

/** Answers by purpose, such as `{personalisation: true}`: docs/privacy.md. */
export type SnippetConsent = Readonly<Record<string, boolean>>;

/** What the script `/resonance.js` of a node gives a page, as `window.resonance`. */
export type ResonanceSnippet = Readonly<{
  /** The page is seen: a `view` of its path, unless `item` says otherwise. */
  page(fields?: SnippetFields): void;
  /** The visitor does something. */
  track(type: string, fields?: SnippetFields): void;
  /** The visitor is known by this id from now on. */
  identify(user: string, fields?: SnippetFields): void;
  /** The visitor has answered. After a no to `personalisation` nothing is sent or stored; after a yes they are known on their next visit. */
  consent(answers: SnippetConsent): void;
  /** The id that events are sent under. */
  user(): string;
  /** Sends what waits. It resolves once that was tried, and never rejects. */
  flush(): Promise<void>;
}>;

/** A call made before the script was there: `(window.resonance ||= []).push(["track", "click"])`. */
export type EarlyCall = {
  [Name in keyof ResonanceSnippet]: readonly [Name, ...Parameters<ResonanceSnippet[Name]>];
}[keyof ResonanceSnippet];

declare global {
  interface Window {
    resonance: ResonanceSnippet | EarlyCall[] | undefined;
  }
}
