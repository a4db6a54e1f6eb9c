
intercomabcÈ‘ˆ…«3"{"topic":"ping"}(0