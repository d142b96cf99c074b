import { render } from "preact";
import { App } from "./app.tsx";
import { knowSession } from "./session.ts";
import { followTheme } from "./theme.ts";
import "./style.css";

followTheme();
void knowSession();
const root = document.getElementById("app");
if (root !== null) render(<App />, root);
