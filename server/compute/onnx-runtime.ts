/** ONNX Runtime with its telemetry off. Everything that computes, tests included, takes it from here. */
import './no-telemetry';
export { InferenceSession, listSupportedBackends, Tensor } from 'onnxruntime-node';
