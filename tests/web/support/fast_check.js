/**
 * fast-check, from where `.ci/run` puts it: node looks for modules beside a file and above, not there. Where CI is set it draws
 * the same examples on every run, so that a red build can be had again from its commit alone.
 */
import fc from "../../../build/npm/node_modules/fast-check/lib/fast-check.js";

if (process.env.CI) fc.configureGlobal({ ...fc.readConfigureGlobal(), seed: 1 });

export default fc;
