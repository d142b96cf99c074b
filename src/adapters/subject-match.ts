/** Whether a subject falls under a pattern: `*` stands for one word, a last `>` for one or more. */
export function subjectMatches(pattern: string, subject: string): boolean {
  const wanted = pattern.split(".");
  const words = subject.split(".");
  for (const [place, word] of wanted.entries()) {
    if (word === ">") return words.length > place;
    if (words[place] === undefined || (word !== "*" && word !== words[place])) return false;
  }
  return words.length === wanted.length;
}
