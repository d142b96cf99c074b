/**
 * Reads server-sent events whose data is JSON, until the stream ends. The browser's own `EventSource` can't show a key.
 *
 * @throws What `told` throws, and what cuts the stream.
 * @see WHATWG HTML, "Parsing an event stream"; a node sends one line of data an event.
 */
export async function readEvents(
  stream: ReadableStream<Uint8Array>,
  told: (name: string, data: unknown) => void,
): Promise<void> {
  const reader = stream
    .pipeThrough(new TextDecoderStream() as TransformStream<Uint8Array, string>)
    .getReader();
  let text = "";
  try {
    while (true) {
      const { value, done } = await reader.read();
      if (done) return;
      text += value;
      for (let end = text.indexOf("\n\n"); end >= 0; end = text.indexOf("\n\n")) {
        const event = text.slice(0, end);
        text = text.slice(end + 2);
        const data = fieldIn(event, "data");
        if (data !== undefined) told(fieldIn(event, "event") ?? "message", JSON.parse(data));
      }
    }
  } finally {
    await reader.cancel().catch(() => {}); // It was cut already.
  }
}

function fieldIn(event: string, name: string): string | undefined {
  const line = event.split("\n").find((one) => one.startsWith(`${name}:`));
  return line?.slice(name.length + 1).trimStart();
}
