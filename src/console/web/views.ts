import type { ComponentType } from "preact";
import { ClusterPage } from "./pages/cluster.tsx";
import { DeadLettersPage } from "./pages/dead-letters.tsx";
import { ExperimentsPage } from "./pages/experiments.tsx";
import { MapPage } from "./pages/map.tsx";
import { PrivacyPage } from "./pages/privacy.tsx";
import { SegmentsPage } from "./pages/segments.tsx";
import { VisitorPage } from "./pages/visitor.tsx";

/** One view of the console. */
export type View = Readonly<{
  /** Where its link leads. */
  href: string;
  /** What the router matches; a part with a colon is a parameter, one with `?` may be left out. */
  route: string;
  title: string;
  page: ComponentType<{ params: Readonly<Record<string, string | undefined>> }>;
}>;

/** In the order of the navigation. */
export const VIEWS: readonly View[] = [
  { href: "/", route: "/", title: "Resonance map", page: MapPage },
  { href: "/visitor", route: "/visitor/:user?", title: "Visitor lens", page: VisitorPage },
  { href: "/segments", route: "/segments/:map?", title: "Segments", page: SegmentsPage },
  { href: "/experiments", route: "/experiments/:experiment?", title: "Experiments", page: ExperimentsPage },
  { href: "/privacy", route: "/privacy", title: "Privacy", page: PrivacyPage },
  { href: "/cluster", route: "/cluster", title: "Cluster", page: ClusterPage },
  { href: "/dead-letters", route: "/dead-letters", title: "Dead letters", page: DeadLettersPage },
];
