package environ

// OpenTelemetry's variables, as its specification has them. Those of one signal have its name
// in the place of the star.
const (
	OTelDisabled   = "OTEL_SDK_DISABLED"
	OTelService    = "OTEL_SERVICE_NAME"
	OTelResource   = "OTEL_RESOURCE_ATTRIBUTES"
	OTelExporter   = "OTEL_*_EXPORTER" // none, or a list of exporters
	OTLPEndpoint   = "OTEL_EXPORTER_OTLP_ENDPOINT"
	OTLPEndpointOf = "OTEL_EXPORTER_OTLP_*_ENDPOINT"
	OTLPHeaders    = "OTEL_EXPORTER_OTLP_HEADERS"
	OTLPHeadersOf  = "OTEL_EXPORTER_OTLP_*_HEADERS"
	OTLPTimeout    = "OTEL_EXPORTER_OTLP_TIMEOUT"
	OTLPTimeoutOf  = "OTEL_EXPORTER_OTLP_*_TIMEOUT"
	OTLPProtocol   = "OTEL_EXPORTER_OTLP_PROTOCOL"
	OTLPProtocolOf = "OTEL_EXPORTER_OTLP_*_PROTOCOL"
	// TraceParent is the span that a process belongs to, as the header of W3C Trace Context has it.
	TraceParent = "TRACEPARENT"
)
