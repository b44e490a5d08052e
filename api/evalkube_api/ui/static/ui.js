// What every page does. Each page works without it, but for what changes by itself.
"use strict";
