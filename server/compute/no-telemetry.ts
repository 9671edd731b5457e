// ONNX Runtime 1.30 for Node otherwise keeps file names, digests and class names of models with a device id in a database
// under the user's cache, looks up a telemetry host, and opens a log of a guessable name in the temporary folder.
// Its library reads this variable when it is loaded: import this file before it.
process.env.ORT_DISABLE_TELEMETRY = '1';
