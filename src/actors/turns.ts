/** Lets work of one kind be done by one after the other, such as what many actors of a thread have to do. */
export class Turns {
  #last: Promise<unknown> = Promise.resolve();

  /** Acts once all who came before are done. */
  take<Result>(act: () => Promise<Result>): Promise<Result> {
    const done = this.#last.then(act);
    this.#last = done.catch(() => {}); // Whoever acted is told.
    return done;
  }
}
