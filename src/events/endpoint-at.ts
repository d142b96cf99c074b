/**
 * Name of a shard's endpoint that one node alone serves, as long as it is the owner: see `Subjects.shard`.
 *
 * @param node - The node's name: letters, digits, `-` and `_`.
 */
export function endpointAt(name: string, node: string): string {
  return `${name}.${node}`;
}
