import Foundation

func bytes(_ text: String) -> Data { Data(text.utf8) }

func bytes(_ array: [UInt8]) -> Data { Data(array) }
