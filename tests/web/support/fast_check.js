/** fast-check, from where `.ci/run` puts it: node looks for modules beside a file and above, not there. */
export { default } from "../../../build/npm/node_modules/fast-check/lib/fast-check.js";
