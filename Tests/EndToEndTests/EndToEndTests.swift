import Testing

/// The built programs, driven from outside. One scenario at a time: they share this machine's ports
/// and processors.
@Suite(.serialized) struct EndToEndTests {}
