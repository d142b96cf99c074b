/** A command line as it is typed, and what comes of it. */
export type Example = readonly [line: string, what: string];

/** Examples of each command that does something, by its words behind `resonance`. */
export const EXAMPLES: Readonly<Record<string, readonly Example[]>> = {
  up: [
    ["resonance up --segments segments.json", "one node with an embedded NATS server, until Ctrl-C"],
    ["resonance up --http 0.0.0.0:8080 --data /var/lib/resonance", "also takes requests over HTTP"],
    [
      "resonance up --nats nats://a,nats://b,nats://c --shards 64",
      "one of several nodes over a NATS cluster",
    ],
  ],
  "import movielens": [
    ["resonance import movielens ml-100k.zip", "events, users and segments into imported/movielens"],
    ["resonance import movielens ml-25m --limit 1000000", "the first million ratings of a large set"],
  ],
  "import retailrocket": [
    ["resonance import retailrocket archive.zip --label-buyers", "two segments: who buys, and who does not"],
  ],
  "import yoochoose": [
    ["resonance import yoochoose yoochoose-data --limit 1000000", "of an unpacked folder"],
  ],
  "import globo": [["resonance import globo globo --out news", "into a folder of that name"]],
  "config print": [
    ["resonance config print --config resonance.yaml --origin", "what would be in force, and why"],
    ["resonance config print > resonance.yaml", "a file of all options, to begin with"],
  ],
  "config check": [["resonance config check resonance.yaml", "every mistake, with line and column"]],
  "config reference": [["resonance config reference", "the page of all options"]],
  top: [
    ["resonance top", "nodes, shards, rates and latencies, redrawn each second"],
    ["resonance top --once", "what happens within one second"],
    ["resonance top --json --every 10s", "an object a line, for a program"],
  ],
  backup: [
    ["resonance backup backup-1 --passphrase-file passphrase", "all of it, sealed, with the keys"],
    ["resonance backup backup-1 --without-keys", "nothing sealed, and no keys in it"],
  ],
  "backup verify": [
    ["resonance backup verify backup-1 --passphrase-file passphrase", "whether all of it can be read"],
  ],
  "backup erased": [["resonance backup erased erased.json", "whom a restore has to erase again"]],
  restore: [
    [
      "resonance restore backup-1 --nats nats://new --passphrase-file passphrase --erased erased.json",
      "into another NATS, without those who were erased since",
    ],
    ["resonance restore backup-1 --data restored", "into the embedded server of a folder"],
  ],
  replay: [
    ["resonance replay events.jsonl.gz", "send recorded events; goes on where it was interrupted"],
    ["resonance replay events.jsonl --speed 60", "an hour of recorded time in a minute"],
  ],
  score: [
    ["resonance score ada", "the distribution of ada, now"],
    [
      "resonance score new-visitor --context referrer=newsletter",
      "of somebody of whom nothing else is known",
    ],
  ],
  request: [
    ['resonance request score \'{"user":"ada"}\'', "ask a public subject, and print the answer"],
    ["resonance request status", "a request without a body"],
    ["cat event.json | resonance request ingest -", "the body from standard input"],
  ],
  "content put": [["resonance content put content.json", "put a catalogue in force"]],
  "content get": [["resonance content get --json > content.json", "the catalogue in force, as a file"]],
  "content check": [["resonance content check content.json", "before it is put"]],
  "content rates": [["resonance content rates --placement home-hero", "clicks by content and segment"]],
  "content choose": [["resonance content choose ada home-hero", "what to show ada there"]],
  explain: [
    ["resonance explain ada", "why ada gets the scores she gets"],
    ["resonance explain --decision ID", "why an answer was as it was; ID is the `decision` in it"],
  ],
  export: [["resonance export ada --out ada.jsonl", "everything that is held of ada"]],
  "experiment define": [
    ["resonance experiment define experiment.json --dry-run", "check it, start nothing"],
    ["resonance experiment define experiment.json", "start it"],
  ],
  "experiment status": [["resonance experiment status", "all experiments"]],
  "experiment report": [["resonance experiment report hero-test", "intervals, split, guardrails, verdict"]],
  "experiment stop": [["resonance experiment stop hero-test", "its report stays"]],
  profiles: [
    ["resonance profiles", "members, thresholds and overlap of each profile"],
    ["resonance profiles --map lifecycle --plot", "with reliability, precision and reach"],
  ],
  "privacy report": [
    ["resonance privacy report", "what private maps have spent"],
    [
      "resonance privacy report events.jsonl.gz users.jsonl.gz --map gender=gender",
      "what noise would do to profiles, measured on recorded events",
    ],
  ],
  "privacy policy put": [["resonance privacy policy put policy.json", "put a policy of consent in force"]],
  "privacy policy get": [["resonance privacy policy get --json > policy.json", "the policy in force"]],
  "privacy policy check": [["resonance privacy policy check policy.json", "before it is put"]],
  types: [
    ["resonance types --out resonance-types.ts", "unions of a running deployment's segments and contents"],
    [
      "resonance types --segments segments.json --out types.ts --check",
      "in CI: fail if they are not current",
    ],
  ],
  status: [
    ["resonance status", "shards, owners and lag"],
    ["resonance status --nats nats://a --json", "of an engine elsewhere, for programs"],
  ],
  cluster: [["resonance cluster --watch", "nodes, owners and standbys, until Ctrl-C"]],
  "dead-letters list": [["resonance dead-letters list --limit 10", "the ten oldest"]],
  "dead-letters show": [["resonance dead-letters show 7", "one, with its whole entry"]],
  "dead-letters retry": [["resonance dead-letters retry 7", "once its cause is gone"]],
  "dead-letters drop": [
    ["resonance dead-letters drop --all --dry-run", "which would go"],
    ["resonance dead-letters drop 7 8", "forget two"],
  ],
  erase: [
    ["resonance erase ada", "erase, wait, and print the proof"],
    ["resonance erase --erasure ID", "how far an erasure is that was begun before"],
  ],
  "keys list": [["resonance keys list", "keys that tokens of sessions are read with"]],
  "keys rotate": [["resonance keys rotate", "twice, a day apart, to be rid of an old key"]],
  reshard: [
    ["resonance reshard --shards 16 --plan", "what would be done"],
    ["resonance reshard --shards 16", "from 8, while no node runs"],
  ],
  train: [
    ["resonance train", "fit the linear encoder to the members now, and switch to it"],
    ["resonance train --encoder best --hold", "the best of all kinds, prepared but not in force"],
    [
      "resonance train --events events.jsonl.gz --users users.jsonl.gz --map gender=gender --out encoder",
      "from files, without an engine",
    ],
    ["resonance train --from encoder", "roll out what was trained so"],
  ],
  calibrate: [["resonance calibrate", "probabilities and thresholds anew"]],
  whatif: [
    ["resonance whatif", "who would move under the encoder that `train --hold` has prepared"],
    ["resonance whatif --segments new-segments.json", "under other segments"],
  ],
  drift: [
    ["resonance drift --sample 5000", "whether today's visitors are those that the encoder was fitted on"],
  ],
  promote: [
    ["resonance promote", "put the prepared encoder in force"],
    ["resonance promote --discard", "give it up"],
  ],
  rollback: [["resonance rollback", "back to the encoder before"]],
  evaluate: [
    ["resonance evaluate events.jsonl.gz users.jsonl.gz --map gender=gender", "beside honest baselines"],
    [
      "resonance evaluate events.jsonl.gz users.jsonl.gz --map gender=gender --protocol stream",
      "in the order of time, as a node does",
    ],
  ],
  plan: [
    ["resonance plan --users 2M --events-per-user-day 20", "what two million users take"],
    [
      "resonance plan --users 100M --batched --cores 32 --memory 128G",
      "a hundred million, on larger machines",
    ],
  ],
  simulate: [["resonance simulate --seeds 2 --users 1000", "two small worlds"]],
  demo: [
    ["resonance demo", "a shop, until Ctrl-C"],
    ["resonance demo --for 20s --json", "twenty seconds, and the figures as JSON"],
  ],
  doctor: [
    ["resonance doctor", "what this machine has and lacks"],
    ["resonance doctor --nats nats://a --data /var/lib/resonance", "whether a deployment is well, too"],
  ],
  "auth init": [
    ["resonance auth init", "a user for each role, and a server's configuration for them"],
    ["resonance auth init --mode jwt --tls --expires 90d", "with tokens that expire, and certificates"],
  ],
  "auth roles": [["resonance auth roles", "who may do what"]],
  "auth add": [["resonance auth add shop --role producer", "one more user"]],
  "auth rotate": [["resonance auth rotate shop", "a new key; the old one counts until revoked"]],
  "auth revoke": [["resonance auth revoke shop --former", "only the keys that were replaced"]],
  "auth key new": [
    ["resonance auth key new --role producer --name shop", "a key for the HTTP intake; it is shown once"],
  ],
  "auth key list": [["resonance auth key list", "names and roles, never the keys"]],
  "auth key revoke": [["resonance auth key revoke --name shop", "nodes notice within two seconds"]],
  bench: [
    ["resonance bench drain score", "two scenarios, three rounds each"],
    ["resonance bench --smoke", "shows that all works, measures nothing"],
  ],
};

/** Exit statuses of commands for which 0 (done) and 1 (failed) do not say it all. */
export const EXIT_STATUS: Readonly<Record<string, string>> = {
  doctor: "0 if nothing is missing that a node needs, 1 otherwise",
  bench: "0 if each scenario ran and its check held, 1 otherwise",
  up: "0 if it was told to stop, 1 if it could not start or go on: let what runs it start it again",
};
