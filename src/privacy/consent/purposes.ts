/** What a user may consent to or refuse, beside the purposes that a policy adds; docs/privacy.md says what each covers. */
export const PURPOSES = ["personalisation", "analytics", "location", "social", "text"] as const;

export type Purpose = (typeof PURPOSES)[number];

/** `opt-in`: only after a yes. `opt-out`: unless there was a no. */
export type ConsentRule = "opt-in" | "opt-out";
