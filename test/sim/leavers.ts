/** Users who leave for good: nobody acts under these names after they were erased. */
export const LEAVERS: readonly string[] = ["leaver-one", "leaver-two"];
