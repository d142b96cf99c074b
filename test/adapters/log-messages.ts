/** Messages with ids and contents of their index, behind a name that tells them from others. */
export function messages(count: number, name = ""): { id: string; data: Uint8Array }[] {
  return Array.from({ length: count }, (_, index) => ({
    id: `${name}id-${index}`,
    data: bytesOf(`${name}message ${index}`),
  }));
}

/** The text of a message's bytes. */
export function textOf(message: Readonly<{ data: Uint8Array }>): string {
  return new TextDecoder().decode(message.data);
}

/** The bytes of a text. */
export function bytesOf(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}
