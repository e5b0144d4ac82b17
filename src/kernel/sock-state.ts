/** What a socket is to its application (socket_state, include/uapi/linux/net.h). */
export const SS_UNCONNECTED = 0;
export const SS_CONNECTING = 1;
export const SS_CONNECTED = 2;
