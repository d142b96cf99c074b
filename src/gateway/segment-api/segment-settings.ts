/**
 * What analytics.js in a browser fetches before it sends: where to, with which key, and that there is no other destination.
 *
 * @param baseUrl - Where the page has reached this node, such as `https://events.shop.example`.
 */
export function segmentSettings(writeKey: string, baseUrl: string): Readonly<Record<string, unknown>> {
  const [, protocol, host] = /^(https?):\/\/(.*)$/.exec(baseUrl) ?? [];
  return {
    integrations: {
      "Segment.io": { apiKey: writeKey, apiHost: `${host}/v1`, protocol, addBundledMetadata: false },
    },
    plan: {},
    edgeFunction: {},
    middlewareSettings: {},
    enabledMiddleware: {},
    remotePlugins: [],
    legacyVideoPluginsEnabled: false,
    metrics: { sampleRate: 0 }, // Else it reports on itself to Segment.
  };
}
