/** The OpenFeature provider (server) of a Resonance engine. */
export type { Flag } from "./openfeature/defined-flags.ts";
export { type ProviderOptions, ResonanceProvider } from "./openfeature/provider.ts";
