import { Link, Route, Router, Switch } from "wouter-preact";
import { useHashLocation } from "wouter-preact/use-hash-location";
import { isKeyWanted } from "./key.ts";
import { ConnectionBadge } from "./parts/connection-badge.tsx";
import { KeyForm } from "./parts/key-form.tsx";
import { Page } from "./parts/page.tsx";
import { RoleBadge } from "./parts/role-badge.tsx";
import { Empty } from "./parts/states.tsx";
import { ThemeSwitch } from "./parts/theme-switch.tsx";
import { VIEWS } from "./views.ts";

/** The console: header, navigation and the view that the address names. */
export function App() {
  return (
    <Router hook={useHashLocation}>
      <button type="button" class="skip-link" onClick={skipToMain}>
        Skip to content
      </button>
      <header class="header">
        <Link href="/" class="brand">
          <img src="./icon.svg" alt="" width="26" height="26" />
          Resonance
        </Link>
        <div class="header-state">
          <ConnectionBadge />
          <RoleBadge />
          <ThemeSwitch />
        </div>
      </header>
      <Navigation />
      <main id="main" tabIndex={-1}>
        {isKeyWanted.value ? <KeyPage /> : <Views />}
      </main>
    </Router>
  );
}

function Navigation() {
  const [location] = useHashLocation();
  return (
    <nav class="nav" aria-label="Views">
      <ul>
        {VIEWS.map(({ href, title }) => {
          const isHere = href === "/" ? location === "/" : `${location}/`.startsWith(`${href}/`);
          return (
            <li key={href}>
              <Link href={href} class="nav-link" aria-current={isHere ? "page" : undefined}>
                {title}
              </Link>
            </li>
          );
        })}
      </ul>
    </nav>
  );
}

function Views() {
  return (
    <Switch>
      {VIEWS.map(({ route, page }) => (
        <Route key={route} path={route} component={page} />
      ))}
      <Route>
        <Page title="No such view">
          <Empty title="There is no such view">The navigation lists those that there are.</Empty>
        </Page>
      </Route>
    </Switch>
  );
}

function KeyPage() {
  return (
    <Page
      title="Who are you?"
      intro="This node is reached from other machines, so it asks who wants to look."
    >
      <KeyForm />
    </Page>
  );
}

/** No link: the address behind the `#` is the router's. */
function skipToMain(): void {
  document.getElementById("main")?.focus();
}
