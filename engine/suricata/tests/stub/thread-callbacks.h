/* A stub, for tests only. */
#include "suricata-stub.h"
