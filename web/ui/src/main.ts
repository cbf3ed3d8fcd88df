import { mount } from "svelte";
import "./app.css";
import App from "./App.svelte";
import { textsReady } from "$lib/i18n/index.svelte";
import { router } from "$lib/router.svelte";
import { settings } from "$lib/settings.svelte";
import { routes } from "./routes";

router.register(routes);
const target = document.getElementById("app");
if (!target) throw new Error("index.html has no #app");
await settings.early();
await textsReady();
mount(App, { target });
